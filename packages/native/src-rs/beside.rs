// SPDX-License-Identifier: Apache-2.0
//! Dropping things beside the caller, because the kernel takes its time to let go of them.

use std::collections::VecDeque;
use std::io;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::thread;

/// libbpf closes a descriptor and frees some memory.
const STACK: usize = 128 * 1024;

/// What one kind of thing is dropped by; lives in a `static`.
pub struct Beside<T: Send + 'static> {
    state: Mutex<State<T>>,
    /// Rings when nothing is left to drop.
    idle: Condvar,
}

struct State<T> {
    /// Given and not yet dropped.
    pending: usize,
    queue: VecDeque<T>,
    has_worker: bool,
}

impl<T: Send + 'static> Beside<T> {
    pub const fn new() -> Self {
        Self { state: Mutex::new(State { pending: 0, queue: VecDeque::new(), has_worker: false }), idle: Condvar::new() }
    }

    /// For what can wait together: each on a thread of its own.
    pub fn drop_at_once(&'static self, held: T) {
        self.lock().pending += 1;
        // Where no thread can be had, `held` is dropped with the closure: here.
        let spawned = spawn(move || {
            drop(held);
            self.dropped();
        });
        if spawned.is_err() {
            self.dropped();
        }
    }

    /// For what the kernel does one at a time anyway: all on one thread, so that somebody else who needs the same lock stands behind one of
    /// them and not behind all.
    pub fn drop_in_turn(&'static self, held: T) {
        let mut state = self.lock();
        state.pending += 1;
        state.queue.push_back(held);
        if state.has_worker {
            return;
        }
        state.has_worker = true;
        drop(state);
        if spawn(|| self.work()).is_err() {
            self.work();
        }
    }

    /// Returns when all that was given is dropped.
    pub fn settle(&self) {
        let mut state = self.lock();
        while state.pending > 0 {
            state = self.idle.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn work(&self) {
        while let Some(held) = self.next() {
            drop(held);
            self.dropped();
        }
    }

    fn next(&self) -> Option<T> {
        let mut state = self.lock();
        let next = state.queue.pop_front();
        state.has_worker = next.is_some();
        next
    }

    fn dropped(&self) {
        let mut state = self.lock();
        state.pending -= 1;
        if state.pending == 0 {
            self.idle.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name("obi-detach".into()).stack_size(STACK).spawn(work).map(drop)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::sync::mpsc::Receiver;
    use std::sync::mpsc::Sender;

    use super::*;

    /// Says that its drop began, and ends it when told to.
    struct Slow {
        number: u32,
        began: Sender<u32>,
        end: Receiver<()>,
    }

    impl Drop for Slow {
        fn drop(&mut self) {
            self.began.send(self.number).unwrap();
            self.end.recv().unwrap();
        }
    }

    fn slow(count: u32) -> (Vec<Slow>, Vec<Sender<()>>, Receiver<u32>) {
        let (began, begun) = mpsc::channel();
        let (held, ends) = (0..count)
            .map(|number| {
                let (end, ended) = mpsc::channel();
                (Slow { number, began: began.clone(), end: ended }, end)
            })
            .unzip();
        (held, ends, begun)
    }

    #[test]
    fn at_once_does_not_wait_for_another() {
        static TESTED: Beside<Slow> = Beside::new();
        let (held, ends, begun) = slow(3);
        held.into_iter().for_each(|one| TESTED.drop_at_once(one));
        let mut seen: Vec<u32> = begun.iter().take(3).collect();
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 2]);
        ends.iter().for_each(|end| end.send(()).unwrap());
        TESTED.settle();
        assert_eq!(TESTED.lock().pending, 0);
    }

    #[test]
    fn in_turn_one_begins_when_the_one_before_it_ended() {
        static TESTED: Beside<Slow> = Beside::new();
        for _round in 0..2 {
            let (held, ends, begun) = slow(3);
            held.into_iter().for_each(|one| TESTED.drop_in_turn(one));
            for number in 0..3 {
                assert_eq!(begun.recv().unwrap(), number);
                assert_eq!(TESTED.lock().queue.len(), 2 - number as usize);
                assert!(begun.try_recv().is_err());
                ends[number as usize].send(()).unwrap();
            }
            // Also: the worker that ended is replaced in the next round.
            TESTED.settle();
        }
    }
}
