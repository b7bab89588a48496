// SPDX-License-Identifier: Apache-2.0
//! Uprobes by one link of the kernel's (uprobe_multi) where it can do that right. To detach a uprobe of perf takes some 100 ms under a
//! lock of the whole kernel, so a service of ten processes with ten uprobes each would take ten seconds.

use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::ptr;
use std::sync::OnceLock;

use libbpf_rs::ProgramMut;
use libbpf_rs::UprobeMultiOpts;
use libbpf_rs::libbpf_sys as sys;

use super::loaded::Uprobe;
use super::text;

/// @returns None where the program or the kernel is not made for it: attach it through perf then.
pub fn attach_multi(program: &ProgramMut<'_>, at: &Uprobe<'_>) -> Option<libbpf_rs::Result<libbpf_rs::Link>> {
    static USABLE: OnceLock<bool> = OnceLock::new();
    if !text(program.section()).contains(".multi") || !USABLE.get_or_init(|| filters_processes(program)) {
        return None;
    }
    let options = UprobeMultiOpts { offsets: vec![at.offset as usize], retprobe: at.on_return, ..UprobeMultiOpts::default() };
    Some(program.attach_uprobe_multi_with_opts(at.pid, at.path, "", options))
}

/// The first kernels with such links (6.6 to 6.9) took a process id for a thread's. Those that were mended refuse a negative one, before
/// they look at the path; the others complain that the path is a folder.
fn filters_processes(program: &ProgramMut<'_>) -> bool {
    let descriptor = program.as_fd().as_raw_fd();
    try_link(descriptor, 0) == -libc::EBADF && try_link(descriptor, -1_i32 as u32) == -libc::EINVAL
}

fn try_link(program: i32, pid: u32) -> i32 {
    let offset = 0;
    let mut options = sys::bpf_link_create_opts { sz: size_of::<sys::bpf_link_create_opts>() as _, ..Default::default() };
    options.__bindgen_anon_1.uprobe_multi = sys::bpf_link_create_opts__bindgen_ty_1__bindgen_ty_3 {
        cnt: 1,
        path: c"/".as_ptr(),
        offsets: &raw const offset,
        ref_ctr_offsets: ptr::null(),
        cookies: ptr::null(),
        pid,
        ..Default::default()
    };
    // SAFETY: path and offset live until the call returns.
    let result = unsafe { sys::bpf_link_create(program, -1, sys::BPF_TRACE_UPROBE_MULTI, &raw const options) };
    if result >= 0 {
        // SAFETY: ours, and nobody else has it.
        unsafe { libc::close(result) };
    }
    result
}
