// SPDX-License-Identifier: Apache-2.0
//! Tiny programs to ask the kernel with. They go as soon as the answer is there.

use std::ffi::CStr;
use std::io;
use std::mem::size_of;
use std::os::fd::FromRawFd;
use std::os::fd::OwnedFd;
use std::ptr;

use libbpf_rs::libbpf_sys as sys;

/// A program of two instructions that returns `result`.
pub struct Program {
    kind: u32,
    attach_type: u32,
    attach_btf_id: u32,
    result: i32,
}

impl Program {
    pub fn plain(kind: u32) -> Self {
        Self { kind, attach_type: 0, attach_btf_id: 0, result: 0 }
    }

    pub fn attaching(kind: u32, attach_type: u32, result: i32) -> Self {
        Self { kind, attach_type, attach_btf_id: 0, result }
    }

    /// `None` when the kernel's BTF does not know `target`.
    pub fn tracing(attach_type: u32, target: &CStr) -> Option<Self> {
        // SAFETY: a C string.
        let id = unsafe { sys::libbpf_find_vmlinux_btf_id(target.as_ptr(), attach_type) };
        let attach_btf_id = u32::try_from(id).ok().filter(|id| *id > 0)?;
        Some(Self { kind: sys::BPF_PROG_TYPE_TRACING, attach_type, attach_btf_id, result: 0 })
    }

    pub fn load(&self) -> io::Result<OwnedFd> {
        let mut instructions: [sys::bpf_insn; 2] = [sys::bpf_insn::default(); 2];
        // r0 = result; exit
        instructions[0].code = (sys::BPF_ALU64 | sys::BPF_MOV | sys::BPF_K) as u8;
        instructions[0].imm = self.result;
        instructions[1].code = (sys::BPF_JMP | sys::BPF_EXIT) as u8;
        let mut options = sys::bpf_prog_load_opts { sz: size_of::<sys::bpf_prog_load_opts>() as sys::size_t, ..Default::default() };
        options.expected_attach_type = self.attach_type;
        options.attach_btf_id = self.attach_btf_id;
        // SAFETY: all pointers live through the call.
        let fd = unsafe {
            sys::bpf_prog_load(
                self.kind,
                c"obi_feature".as_ptr(),
                c"GPL".as_ptr(),
                instructions.as_ptr(),
                instructions.len() as sys::size_t,
                &mut options,
            )
        };
        owned(fd)
    }
}

pub fn loads(program: &Program) -> bool {
    program.load().is_ok()
}

/// libbpf takes any failure but the verifier's own as a yes: without the right to load the answer is no.
pub fn helper(kind: u32, id: u32) -> bool {
    // SAFETY: no pointers.
    loads(&Program::plain(kind)) && unsafe { sys::libbpf_probe_bpf_helper(kind, id, ptr::null()) == 1 }
}

/// A descriptor, or the errno: libbpf returns it negative, a raw system call leaves it in errno (then `fd` is -1, which is EPERM's number too).
pub fn owned(fd: i32) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::from_raw_os_error(-fd));
    }
    // SAFETY: the kernel just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
