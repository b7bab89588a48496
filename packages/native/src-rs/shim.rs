// SPDX-License-Identifier: Apache-2.0
//! Declarations of shim/obi_shim.h.

use std::ffi::c_int;
use std::ffi::c_void;

#[repr(C)]
pub struct ObiRing {
    _opaque: [u8; 0],
}

#[repr(C)]
pub struct ObiPoll {
    _opaque: [u8; 0],
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Drained {
    pub used: usize,
    pub count: usize,
    pub wanted: usize,
    pub more: c_int,
}

pub type DeliverFn = unsafe extern "C" fn(context: *mut c_void) -> usize;
pub type ReleasedFn = unsafe extern "C" fn(context: *mut c_void);

unsafe extern "C" {
    pub fn obi_ring_open(map_fd: c_int, size: u32, out: *mut *mut ObiRing) -> c_int;
    pub fn obi_ring_drain(ring: *mut ObiRing, out: *mut u8, cap: usize, result: *mut Drained);
    pub fn obi_ring_close(ring: *mut ObiRing);
    pub fn obi_poll_open(
        uv_loop: *mut c_void,
        fd: c_int,
        coalesce_ms: u64,
        deliver: DeliverFn,
        released: ReleasedFn,
        context: *mut c_void,
        out: *mut *mut ObiPoll,
    ) -> c_int;
    pub fn obi_poll_start(poll: *mut ObiPoll) -> c_int;
    pub fn obi_poll_stop(poll: *mut ObiPoll);
    pub fn obi_poll_close(poll: *mut ObiPoll);
}

/// poll.c on a libuv that does nothing by itself.
#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::ptr;

    use super::*;

    type Callback = unsafe extern "C" fn(*mut c_void);

    const EMFILE: c_int = -24;
    const HANDLE_BYTES: usize = 64;
    const COALESCE_MS: u64 = 7;
    const BACKSTOP_MS: u64 = 250;

    thread_local! {
        /// What uv_poll_start returns.
        static POLL_RESULT: Cell<c_int> = const { Cell::new(0) };
        static POLLING: Cell<bool> = const { Cell::new(false) };
        /// Armed: what for, and when.
        static TIMER: Cell<Option<(*mut c_void, Callback, u64)>> = const { Cell::new(None) };
        static DELIVERED: Cell<usize> = const { Cell::new(0) };
    }

    #[unsafe(no_mangle)]
    extern "C" fn uv_handle_size(_kind: c_int) -> usize {
        HANDLE_BYTES
    }
    /// A handle begins with its data, as libuv's do.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn uv_handle_set_data(handle: *mut *mut c_void, data: *mut c_void) {
        // SAFETY: `handle` has HANDLE_BYTES.
        unsafe { *handle = data };
    }
    #[unsafe(no_mangle)]
    unsafe extern "C" fn uv_handle_get_data(handle: *const *mut c_void) -> *mut c_void {
        // SAFETY: as above.
        unsafe { *handle }
    }
    #[unsafe(no_mangle)]
    unsafe extern "C" fn uv_close(handle: *mut c_void, on_close: Callback) {
        // SAFETY: the handle is not used after this.
        unsafe { on_close(handle) };
    }
    #[unsafe(no_mangle)]
    extern "C" fn uv_poll_init(_loop: *mut c_void, _handle: *mut c_void, _fd: c_int) -> c_int {
        0
    }
    #[unsafe(no_mangle)]
    extern "C" fn uv_poll_start(_handle: *mut c_void, _events: c_int, _on_event: *const c_void) -> c_int {
        POLLING.set(POLL_RESULT.get() == 0);
        POLL_RESULT.get()
    }
    #[unsafe(no_mangle)]
    extern "C" fn uv_poll_stop(_handle: *mut c_void) -> c_int {
        POLLING.set(false);
        0
    }
    #[unsafe(no_mangle)]
    extern "C" fn uv_timer_init(_loop: *mut c_void, _handle: *mut c_void) -> c_int {
        0
    }
    #[unsafe(no_mangle)]
    extern "C" fn uv_timer_start(handle: *mut c_void, on_timer: Callback, timeout: u64, _repeat: u64) -> c_int {
        TIMER.set(Some((handle, on_timer, timeout)));
        0
    }
    #[unsafe(no_mangle)]
    extern "C" fn uv_timer_stop(_handle: *mut c_void) -> c_int {
        TIMER.set(None);
        0
    }

    unsafe extern "C" fn deliver(_context: *mut c_void) -> usize {
        DELIVERED.set(DELIVERED.get() + 1);
        0
    }
    unsafe extern "C" fn released(context: *mut c_void) {
        // SAFETY: `context` is the test's flag.
        unsafe { *context.cast::<bool>() = true };
    }

    fn open(closed: &mut bool) -> *mut ObiPoll {
        let mut poll = ptr::null_mut();
        // SAFETY: the loop is never looked at, `closed` outlives the handle.
        let ret = unsafe { obi_poll_open(ptr::null_mut(), 0, COALESCE_MS, deliver, released, ptr::from_mut(closed).cast(), &mut poll) };
        assert_eq!(ret, 0);
        poll
    }

    fn armed() -> Option<u64> {
        TIMER.get().map(|(_, _, timeout)| timeout)
    }

    fn fire() {
        let (handle, on_timer, _) = TIMER.take().expect("the timer is not armed");
        // SAFETY: the shim armed it with this handle.
        unsafe { on_timer(handle) };
    }

    #[test]
    fn a_poll_that_cannot_be_started_again_leaves_the_timer_which_tries_again() {
        let mut closed = false;
        let poll = open(&mut closed);
        // SAFETY: `poll` is open.
        assert_eq!(unsafe { obi_poll_start(poll) }, 0);
        POLL_RESULT.set(EMFILE);
        for looked in 1..=3 {
            fire();
            assert_eq!((DELIVERED.get(), armed()), (looked, Some(BACKSTOP_MS)));
        }
        assert!(!POLLING.get());
        POLL_RESULT.set(0);
        fire();
        assert_eq!((POLLING.get(), armed()), (true, Some(BACKSTOP_MS)));
        // SAFETY: closed once.
        unsafe { obi_poll_close(poll) };
        assert_eq!((closed, POLLING.get(), armed()), (true, false, None));
    }

    #[test]
    fn a_start_that_fails_leaves_nothing_running() {
        let mut closed = false;
        let poll = open(&mut closed);
        POLL_RESULT.set(EMFILE);
        // SAFETY: `poll` is open.
        assert_eq!(unsafe { obi_poll_start(poll) }, EMFILE);
        assert_eq!((POLLING.get(), armed()), (false, None));
        // SAFETY: closed once.
        unsafe { obi_poll_close(poll) };
        assert!(closed);
    }
}
