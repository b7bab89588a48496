// SPDX-License-Identifier: Apache-2.0
//! What this kernel can do, found by asking it: tiny programs are loaded and let go at once. Nothing stays, nothing throws.

mod capabilities;
mod fionread;
mod lockdown;
mod trial;

use std::ffi::CStr;
use std::fs;
use std::mem::size_of;
use std::mem::zeroed;
use std::os::fd::AsRawFd;
use std::ptr;

use libbpf_rs::libbpf_sys as sys;

use crate::log;
use capabilities::capabilities;
use lockdown::lockdown;
use trial::Program;
use trial::helper;
use trial::loads;
use trial::owned;

pub struct Features {
    pub release: String,
    pub architecture: String,
    pub btf: bool,
    pub lockdown: &'static str,
    pub kprobes: bool,
    pub fentry: bool,
    pub bpf_loop: bool,
    pub ring_buffer: bool,
    pub probe_write_user: bool,
    pub program_types: Vec<&'static str>,
    pub capabilities: Vec<&'static str>,
    /// `None`: could not be measured.
    pub fionread_fault: Option<bool>,
}

pub fn probe() -> Features {
    log::silence();
    let (release, machine) = uname();
    let capabilities = capabilities();
    let lockdown = lockdown(&capabilities);
    let kprobe_type = loads(&Program::plain(sys::BPF_PROG_TYPE_KPROBE));
    Features {
        architecture: if machine == "aarch64" { "arm64".to_owned() } else { machine },
        release,
        btf: fs::metadata("/sys/kernel/btf/vmlinux").is_ok(),
        lockdown,
        kprobes: kprobes(),
        fentry: fentry(),
        bpf_loop: helper(sys::BPF_PROG_TYPE_RAW_TRACEPOINT, sys::BPF_FUNC_loop),
        ring_buffer: ring_buffer(),
        // Not by loading one where the rest tells: the kernel writes a warning to its log for each such program.
        probe_write_user: kprobe_type && matches!(lockdown, "none" | "absent") && capabilities.contains(&"SYS_ADMIN"),
        program_types: program_types(),
        capabilities,
        fionread_fault: fionread::fault(),
    }
}

fn program_types() -> Vec<&'static str> {
    let kprobe = loads(&Program::plain(sys::BPF_PROG_TYPE_KPROBE));
    let tracing = |attach_type, target| Program::tracing(attach_type, target).is_some_and(|program| loads(&program));
    [
        ("raw_tracepoint", loads(&Program::plain(sys::BPF_PROG_TYPE_RAW_TRACEPOINT))),
        // One type to the kernel. Whether a kprobe can be attached is the field `kprobes`.
        ("kprobe", kprobe),
        ("uprobe", kprobe),
        ("tracepoint", loads(&Program::plain(sys::BPF_PROG_TYPE_TRACEPOINT))),
        ("tracing", tracing(sys::BPF_TRACE_RAW_TP, c"sched_switch")),
        ("sk_msg", loads(&Program::attaching(sys::BPF_PROG_TYPE_SK_MSG, sys::BPF_SK_MSG_VERDICT, 1))),
        ("sock_ops", loads(&Program::attaching(sys::BPF_PROG_TYPE_SOCK_OPS, sys::BPF_CGROUP_SOCK_OPS, 1))),
        ("cgroup_sock_addr", loads(&Program::attaching(sys::BPF_PROG_TYPE_CGROUP_SOCK_ADDR, sys::BPF_CGROUP_INET4_CONNECT, 1))),
        ("iter", tracing(sys::BPF_TRACE_ITER, c"task")),
    ]
    .into_iter()
    .filter_map(|(name, works)| works.then_some(name))
    .collect()
}

/// Loading is not enough: some kernels refuse only when attaching. The program does nothing and is gone at once.
fn fentry() -> bool {
    let attached = || {
        let program = Program::tracing(sys::BPF_TRACE_FENTRY, c"tcp_sendmsg")?.load().ok()?;
        // SAFETY: no name is asked for; the program knows its target.
        owned(unsafe { sys::bpf_raw_tracepoint_open(ptr::null(), program.as_raw_fd()) }).ok()
    };
    attached().is_some()
}

/// Creates (and drops) the perf event of a kprobe; no program is attached to it.
fn kprobes() -> bool {
    let Some(pmu) = fs::read_to_string("/sys/bus/event_source/devices/kprobe/type").ok().and_then(|t| t.trim().parse().ok()) else { return false };
    // SAFETY: perf_event_attr is plain data, all zeroes are valid.
    let mut attributes: sys::perf_event_attr = unsafe { zeroed() };
    attributes.type_ = pmu;
    attributes.size = size_of::<sys::perf_event_attr>() as u32;
    attributes.__bindgen_anon_3.kprobe_func = c"tcp_sendmsg".as_ptr() as u64;
    // SAFETY: `attributes` lives through the call.
    let fd = unsafe {
        libc::syscall(libc::SYS_perf_event_open, &raw const attributes, -1, 0, -1, 8_u64 /* PERF_FLAG_FD_CLOEXEC */)
    };
    owned(fd as i32).is_ok()
}

fn ring_buffer() -> bool {
    // SAFETY: no pointers.
    unsafe { sys::libbpf_probe_bpf_map_type(sys::BPF_MAP_TYPE_RINGBUF, ptr::null()) == 1 }
}

fn uname() -> (String, String) {
    // SAFETY: utsname is plain data.
    let mut name: libc::utsname = unsafe { zeroed() };
    // SAFETY: `name` lives through the call; the kernel ends its strings with zeroes.
    unsafe {
        libc::uname(&mut name);
        let text = |field: &[libc::c_char]| CStr::from_ptr(field.as_ptr()).to_string_lossy().into_owned();
        (text(&name.release), text(&name.machine))
    }
}
