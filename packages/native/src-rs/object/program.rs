// SPDX-License-Identifier: Apache-2.0
//! What libbpf and the kernel know of one program.

use std::mem::size_of;
use std::mem::zeroed;

use libbpf_rs::AsRawLibbpf;
use libbpf_rs::ProgramImpl;
use libbpf_rs::libbpf_sys as sys;

pub fn program_fd<T>(program: &ProgramImpl<'_, T>) -> Option<i32> {
    // SAFETY: the program belongs to a live object.
    let fd = unsafe { sys::bpf_program__fd(program.as_libbpf_object().as_ptr()) };
    (fd >= 0).then_some(fd)
}

/// `None` for a program that was not loaded.
pub fn program_info<T>(program: &ProgramImpl<'_, T>) -> Option<sys::bpf_prog_info> {
    // SAFETY: bpf_prog_info is plain data, all zeroes ask for no arrays.
    query_program(program, unsafe { zeroed() })
}

/// Maps that the program refers to.
pub fn program_map_ids<T>(program: &ProgramImpl<'_, T>) -> Vec<u32> {
    let count = program_info(program).map_or(0, |info| info.nr_map_ids);
    let mut ids = vec![0_u32; count as usize];
    // SAFETY: plain data; the array below has room for `nr_map_ids` numbers and lives through the call.
    let mut info: sys::bpf_prog_info = unsafe { zeroed() };
    info.nr_map_ids = count;
    info.map_ids = ids.as_mut_ptr() as u64;
    if query_program(program, info).is_none() {
        ids.clear();
    }
    ids
}

fn query_program<T>(program: &ProgramImpl<'_, T>, mut info: sys::bpf_prog_info) -> Option<sys::bpf_prog_info> {
    let fd = program_fd(program)?;
    let mut len = size_of::<sys::bpf_prog_info>() as u32;
    // SAFETY: `info` is `len` bytes and lives through the call, as do the arrays that it points to.
    let ret = unsafe { sys::bpf_prog_get_info_by_fd(fd, &mut info, &mut len) };
    (ret == 0).then_some(info)
}

/// ProgramType of core's manifest.ts.
pub fn program_kind(kind: u32, section: &str) -> &'static str {
    match kind {
        sys::BPF_PROG_TYPE_RAW_TRACEPOINT => "raw_tracepoint",
        sys::BPF_PROG_TYPE_KPROBE if section.starts_with("uprobe") || section.starts_with("uretprobe") || section.starts_with("usdt") => "uprobe",
        sys::BPF_PROG_TYPE_KPROBE => "kprobe",
        sys::BPF_PROG_TYPE_TRACEPOINT => "tracepoint",
        sys::BPF_PROG_TYPE_TRACING if section.starts_with("iter") => "iter",
        sys::BPF_PROG_TYPE_TRACING => "tracing",
        sys::BPF_PROG_TYPE_SK_MSG => "sk_msg",
        sys::BPF_PROG_TYPE_SOCK_OPS => "sock_ops",
        sys::BPF_PROG_TYPE_CGROUP_SOCK_ADDR => "cgroup_sock_addr",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_follow_type_and_section() {
        assert_eq!(program_kind(sys::BPF_PROG_TYPE_KPROBE, "kprobe/tcp_sendmsg"), "kprobe");
        assert_eq!(program_kind(sys::BPF_PROG_TYPE_KPROBE, "uretprobe/x"), "uprobe");
        assert_eq!(program_kind(sys::BPF_PROG_TYPE_TRACING, "iter/tcp"), "iter");
        assert_eq!(program_kind(sys::BPF_PROG_TYPE_TRACING, "fentry/tcp_sendmsg"), "tracing");
        assert_eq!(program_kind(sys::BPF_PROG_TYPE_SOCKET_FILTER, "socket"), "other");
    }
}
