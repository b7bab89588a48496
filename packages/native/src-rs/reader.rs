// SPDX-License-Identifier: Apache-2.0
//! A ring reader on Node's loop: batches of records into one reused Buffer, one call into JavaScript per batch.
//!
//! Everything here runs on the thread of its environment. The raw N-API calls are here because the wake-up comes from libuv, outside of
//! any JavaScript frame, where napi's safe callbacks do not reach.

use std::cell::Cell;
use std::ffi::c_void;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::ptr;
use std::rc::Rc;

use napi::sys;

use crate::error::Fault;
use crate::error::Result;
use crate::error::Stage;
use crate::map::Map;
use crate::ring::Ring;
use crate::shim;

/// Why a drain ended early.
pub enum Interrupted {
    /// An exception is pending in the environment.
    Thrown,
    Failed(Fault),
}

/// Shared by the JavaScript object and by libuv's handles.
pub struct Reader {
    env: sys::napi_env,
    ring: Ring,
    callback: Cell<sys::napi_ref>,
    batch: Cell<sys::napi_ref>,
    poll: Cell<*mut shim::ObiPoll>,
    started: Cell<bool>,
    busy: Cell<bool>,
}

impl Reader {
    /// # Safety
    /// `env` is the current environment and `callback` a function of it.
    pub unsafe fn open(env: sys::napi_env, map: &Map, batch_bytes: usize, coalesce_ms: u64, callback: sys::napi_value) -> Result<Rc<Self>> {
        let ring = Ring::open(map)?;
        let reader = Rc::new(Self {
            env,
            ring,
            callback: Cell::new(ptr::null_mut()),
            batch: Cell::new(ptr::null_mut()),
            poll: Cell::new(ptr::null_mut()),
            started: Cell::new(false),
            busy: Cell::new(false),
        });
        let mut uv_loop = ptr::null_mut();
        let mut function = ptr::null_mut();
        // SAFETY: env and callback are valid by contract; out pointers are ours.
        unsafe {
            reader.ok(sys::napi_create_reference(env, callback, 1, &mut function), "cannot keep the callback")?;
            reader.callback.set(function);
            reader.allocate(batch_bytes)?;
            reader.ok(sys::napi_get_uv_event_loop(env, &mut uv_loop), "cannot find the event loop")?;
        }
        let context = Rc::into_raw(Rc::clone(&reader)).cast_mut().cast::<c_void>();
        let mut poll = ptr::null_mut();
        // SAFETY: the loop outlives the handles (they are closed by the cleanup hook at the latest), `context` is released by `released`.
        let ret = unsafe { shim::obi_poll_open(uv_loop.cast(), reader.ring.as_fd().as_raw_fd(), coalesce_ms, deliver, released, context, &mut poll) };
        if ret != 0 {
            // SAFETY: the shim did not take `context`.
            drop(unsafe { Rc::from_raw(context.cast::<Self>()) });
            reader.forget_references();
            return Err(Fault::os(Stage::Poll, ret, format!("ring {}: cannot watch it on the event loop", reader.ring.name())));
        }
        reader.poll.set(poll);
        // SAFETY: `context` stays valid until close, which removes the hook.
        let hooked = unsafe { sys::napi_add_env_cleanup_hook(env, Some(on_cleanup), context) };
        // Without the hook libuv's handles would outlive an environment that ends.
        reader.ok(hooked, "cannot be closed with its environment").inspect_err(|_| reader.close())?;
        Ok(reader)
    }

    pub fn start(&self) -> Result<()> {
        let poll = self.poll.get();
        if poll.is_null() {
            return Err(Fault::usage(Stage::Poll, format!("ring {}: its reader was disposed of", self.ring.name())));
        }
        // SAFETY: `poll` is open while it is not null.
        let ret = unsafe { shim::obi_poll_start(poll) };
        if ret != 0 {
            return Err(Fault::os(Stage::Poll, ret, format!("ring {}: cannot start watching it", self.ring.name())));
        }
        self.started.set(true);
        Ok(())
    }

    pub fn stop(&self) {
        let poll = self.poll.get();
        if !poll.is_null() {
            // SAFETY: `poll` is open while it is not null.
            unsafe { shim::obi_poll_stop(poll) };
        }
        self.started.set(false);
    }

    pub fn is_started(&self) -> bool {
        self.started.get()
    }

    /// Idempotent. The ring's memory goes with the last owner, after libuv let go.
    pub fn close(&self) {
        let poll = self.poll.replace(ptr::null_mut());
        if poll.is_null() {
            return;
        }
        self.started.set(false);
        // SAFETY: undoes what `open` did, once; the hook's argument is this object's address.
        unsafe {
            sys::napi_remove_env_cleanup_hook(self.env, Some(on_cleanup), ptr::from_ref(self).cast_mut().cast());
            shim::obi_poll_close(poll);
        }
        self.forget_references();
    }

    /// Hands over what is in the ring, called from JavaScript. @returns records delivered.
    pub fn drain(&self) -> std::result::Result<usize, Interrupted> {
        if self.poll.get().is_null() {
            return Err(Interrupted::Failed(Fault::usage(Stage::Poll, format!("ring {}: its reader was disposed of", self.ring.name()))));
        }
        if self.busy.get() {
            return Err(Interrupted::Failed(Fault::usage(
                Stage::Poll,
                format!("ring {}: drain() inside onBatch would overwrite the batch", self.ring.name()),
            )));
        }
        self.busy.set(true);
        let result = self.batches(|function, arguments| {
            let mut recv = ptr::null_mut();
            // SAFETY: values of the current handle scope.
            unsafe {
                sys::napi_get_undefined(self.env, &mut recv);
                sys::napi_call_function(self.env, recv, function, arguments.len(), arguments.as_ptr(), ptr::null_mut())
            }
        });
        self.busy.set(false);
        result
    }

    /// Batches until the ring is empty or one ring's worth went over, so that a fast producer cannot keep the loop.
    fn batches(&self, call: impl Fn(sys::napi_value, &[sys::napi_value; 3]) -> sys::napi_status) -> std::result::Result<usize, Interrupted> {
        let mut delivered = 0;
        let mut bytes = 0;
        loop {
            let mut scope = ptr::null_mut();
            // SAFETY: closed below.
            unsafe { sys::napi_open_handle_scope(self.env, &mut scope) };
            let step = self.batch(&call);
            // SAFETY: opened above.
            unsafe { sys::napi_close_handle_scope(self.env, scope) };
            let (used, count, more) = step?;
            delivered += count;
            bytes += used;
            if !more || self.poll.get().is_null() || bytes >= self.ring.size() {
                return Ok(delivered);
            }
        }
    }

    fn batch(
        &self,
        call: &impl Fn(sys::napi_value, &[sys::napi_value; 3]) -> sys::napi_status,
    ) -> std::result::Result<(usize, usize, bool), Interrupted> {
        let mut function = ptr::null_mut();
        let mut buffer = ptr::null_mut();
        let mut data = ptr::null_mut();
        let mut len = 0;
        // SAFETY: both references are strong and live until close; asking for the memory each time survives a detached ArrayBuffer.
        unsafe {
            self.ok(sys::napi_get_reference_value(self.env, self.callback.get(), &mut function), "lost its callback").map_err(Interrupted::Failed)?;
            self.ok(sys::napi_get_reference_value(self.env, self.batch.get(), &mut buffer), "lost its batch").map_err(Interrupted::Failed)?;
            self.ok(sys::napi_get_buffer_info(self.env, buffer, &mut data, &mut len), "lost its batch's memory").map_err(Interrupted::Failed)?;
        }
        // SAFETY: V8 does not move a Buffer's memory, and no JavaScript runs while the slice is in use.
        let out: &mut [u8] = if data.is_null() { &mut [] } else { unsafe { std::slice::from_raw_parts_mut(data.cast(), len) } };
        let drained = self.ring.drain(out);
        if drained.wanted > 0 {
            // One record is larger than the batch: grow once, so that it is not lost, and go on.
            self.allocate(drained.wanted.next_power_of_two()).map_err(Interrupted::Failed)?;
            return Ok((0, 0, true));
        }
        if drained.count == 0 {
            return Ok((0, 0, false));
        }
        let mut used = ptr::null_mut();
        let mut count = ptr::null_mut();
        // SAFETY: out pointers are ours.
        unsafe {
            sys::napi_create_double(self.env, drained.used as f64, &mut used);
            sys::napi_create_double(self.env, drained.count as f64, &mut count);
        }
        if call(function, &[buffer, used, count]) != sys::Status::napi_ok {
            return Err(Interrupted::Thrown);
        }
        Ok((drained.used, drained.count, drained.more != 0))
    }

    fn allocate(&self, bytes: usize) -> Result<()> {
        let mut data = ptr::null_mut();
        let mut buffer = ptr::null_mut();
        let mut reference = ptr::null_mut();
        // SAFETY: out pointers are ours; the old reference is deleted once.
        unsafe {
            self.ok(sys::napi_create_buffer(self.env, bytes, &mut data, &mut buffer), "cannot allocate its batch")?;
            self.ok(sys::napi_create_reference(self.env, buffer, 1, &mut reference), "cannot keep its batch")?;
            let old = self.batch.replace(reference);
            if !old.is_null() {
                sys::napi_delete_reference(self.env, old);
            }
        }
        Ok(())
    }

    fn forget_references(&self) {
        for reference in [self.callback.replace(ptr::null_mut()), self.batch.replace(ptr::null_mut())] {
            if !reference.is_null() {
                // SAFETY: ours, deleted once.
                unsafe { sys::napi_delete_reference(self.env, reference) };
            }
        }
    }

    fn ok(&self, status: sys::napi_status, what: &str) -> Result<()> {
        if status == sys::Status::napi_ok {
            return Ok(());
        }
        Err(Fault::usage(Stage::Poll, format!("ring {}: {what} (N-API status {status})", self.ring.name())))
    }

    /// From libuv's timer. An exception goes where those of timers and I/O callbacks go: 'uncaughtException'; the reader goes on.
    fn on_timer(&self) -> usize {
        if self.busy.replace(true) {
            return 1;
        }
        let mut scope = ptr::null_mut();
        // SAFETY: closed below.
        unsafe { sys::napi_open_handle_scope(self.env, &mut scope) };
        let result = self.batches(|function, arguments| {
            let mut recv = ptr::null_mut();
            // SAFETY: values of the current handle scope. make_callback: runs nextTick and promise jobs afterwards.
            unsafe {
                sys::napi_get_global(self.env, &mut recv);
                sys::napi_make_callback(self.env, ptr::null_mut(), recv, function, arguments.len(), arguments.as_ptr(), ptr::null_mut())
            }
        });
        let delivered = match result {
            Ok(delivered) => delivered,
            Err(interrupted) => {
                self.report(interrupted);
                // The batch was consumed: look again after the usual pause.
                1
            }
        };
        // SAFETY: opened above.
        unsafe { sys::napi_close_handle_scope(self.env, scope) };
        self.busy.set(false);
        delivered
    }

    fn report(&self, interrupted: Interrupted) {
        let mut error = ptr::null_mut();
        // SAFETY: out pointers are ours; strings are given with their lengths.
        unsafe {
            match interrupted {
                Interrupted::Thrown => {
                    let mut pending = false;
                    sys::napi_is_exception_pending(self.env, &mut pending);
                    // Not pending: the environment is shutting down.
                    if !pending || sys::napi_get_and_clear_last_exception(self.env, &mut error) != sys::Status::napi_ok {
                        return;
                    }
                }
                Interrupted::Failed(fault) => {
                    let text = fault.to_string();
                    let mut message = ptr::null_mut();
                    sys::napi_create_string_utf8(self.env, text.as_ptr().cast(), text.len() as isize, &mut message);
                    if sys::napi_create_error(self.env, ptr::null_mut(), message, &mut error) != sys::Status::napi_ok {
                        return;
                    }
                }
            }
            sys::napi_fatal_exception(self.env, error);
        }
    }
}

unsafe extern "C" fn deliver(context: *mut c_void) -> usize {
    // SAFETY: the handles own one count; a second one keeps the reader while JavaScript may close it.
    let reader = unsafe {
        Rc::increment_strong_count(context.cast::<Reader>());
        Rc::from_raw(context.cast::<Reader>())
    };
    reader.on_timer()
}

unsafe extern "C" fn released(context: *mut c_void) {
    // SAFETY: gives back the count that `open` handed to the handles.
    drop(unsafe { Rc::from_raw(context.cast::<Reader>()) });
}

/// The environment (main thread or worker) ends.
unsafe extern "C" fn on_cleanup(context: *mut c_void) {
    // SAFETY: as in `deliver`; the hook is removed when the reader is closed.
    let reader = unsafe {
        Rc::increment_strong_count(context.cast::<Reader>());
        Rc::from_raw(context.cast::<Reader>())
    };
    reader.close();
}
