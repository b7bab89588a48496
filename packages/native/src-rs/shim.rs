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
