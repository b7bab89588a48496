// SPDX-License-Identifier: Apache-2.0
//! Does FIONREAD lie on sockets in a sockhash? Some kernels answer 0 whatever is waiting (broken by kernel commit 929e30f93125, in stable
//! series from late 2025), and programs that ask before they read then hang. Measured on a loopback connection of our own.

use std::io::Write;
use std::mem::size_of;
use std::net::Ipv4Addr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::os::fd::FromRawFd;
use std::os::fd::OwnedFd;
use std::ptr;

use libbpf_rs::libbpf_sys as sys;

use super::trial::Program;
use crate::link::SkMsg;

const SENT: usize = 4096;
const WAIT_MS: i32 = 500;

/// `None` when it could not be measured (no rights, no loopback).
pub fn fault() -> Option<bool> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
    let watched = TcpStream::connect(listener.local_addr().ok()?).ok()?;
    let (mut peer, _) = listener.accept().ok()?;

    let verdict = Program::attaching(sys::BPF_PROG_TYPE_SK_MSG, sys::BPF_SK_MSG_VERDICT, 1).load().ok()?;
    // SAFETY: a C string, no options.
    let map = unsafe {
        sys::bpf_map_create(sys::BPF_MAP_TYPE_SOCKHASH, c"obi_fionread".as_ptr(), size_of::<u64>() as u32, size_of::<u64>() as u32, 1, ptr::null())
    };
    if map < 0 {
        return None;
    }
    // SAFETY: the kernel just made this descriptor for us.
    let map = unsafe { OwnedFd::from_raw_fd(map) };
    let _attached = SkMsg::attach(verdict, map.try_clone().ok()?, size_of::<u64>(), "fionread").ok()?;
    let key = 1_u64;
    let value = watched.as_raw_fd() as u64;
    // SAFETY: key and value have the sizes that the map was made with.
    if unsafe { sys::bpf_map_update_elem(map.as_raw_fd(), (&raw const key).cast(), (&raw const value).cast(), 0) } < 0 {
        return None;
    }

    peer.write_all(&[b'x'; SENT]).ok()?;
    let arrived = wait_for(&watched, SENT)?;
    let mut told: libc::c_int = 0;
    // SAFETY: FIONREAD writes an int.
    if unsafe { libc::ioctl(watched.as_raw_fd(), libc::FIONREAD, &mut told) } < 0 {
        return None;
    }
    Some(usize::try_from(told).ok()? < arrived)
}

/// Bytes that a peek sees, once all of `wanted` are there; `None` when they do not come.
fn wait_for(stream: &TcpStream, wanted: usize) -> Option<usize> {
    stream.set_nonblocking(true).ok()?;
    let mut buffer = [0_u8; SENT];
    for _ in 0..50 {
        let mut watch = libc::pollfd { fd: stream.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one pollfd.
        unsafe { libc::poll(&mut watch, 1, WAIT_MS / 50) };
        match stream.peek(&mut buffer) {
            Ok(seen) if seen >= wanted => return Some(seen),
            _ => {}
        }
    }
    None
}
