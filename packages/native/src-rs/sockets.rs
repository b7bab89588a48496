// SPDX-License-Identifier: Apache-2.0
//! Puts connections that another process already has into a sockhash.

use std::fs;
use std::io;
use std::mem::size_of;
use std::mem::zeroed;
use std::os::fd::AsRawFd;
use std::os::fd::FromRawFd;
use std::os::fd::OwnedFd;

use libbpf_rs::libbpf_sys as sys;

use crate::error::Fault;
use crate::error::Result;
use crate::error::Stage;
use crate::map::Map;

const TCP_ESTABLISHED: u8 = 1;

/// Established TCP sockets of `pid` whose local port is not in `server_ports`, under their cookie. @returns how many were added.
/// Sockets with SO_ZEROCOPY are left out: their completions get lost in a sockhash.
pub fn adopt(pid: i32, sockhash: &Map, server_ports: &[u16]) -> Result<u32> {
    let info = sockhash.info();
    if info.kind != sys::BPF_MAP_TYPE_SOCKHASH || info.key_size != 8 || !matches!(info.value_size, 4 | 8) {
        return Err(Fault::usage(
            Stage::Map,
            format!("map {}: adopting sockets needs a sockhash with an 8-byte key and a 4 or 8-byte value, it has {info}", info.name),
        ));
    }
    // SAFETY: no pointers.
    let pidfd = owned(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })
        .map_err(|e| Fault::os(Stage::Inspect, e, format!("process {pid}: cannot open it")))?;
    let listing = fs::read_dir(format!("/proc/{pid}/fd"))
        .map_err(|e| Fault::os(Stage::Inspect, e.raw_os_error().unwrap_or(0), format!("process {pid}: cannot list its descriptors")))?;
    let mut adopted = 0;
    for entry in listing.flatten() {
        let Ok(number) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
        // A descriptor may be closed any time: what fails here is gone, not wrong.
        let Ok(target) = fs::read_link(entry.path()) else { continue };
        if !target.to_string_lossy().starts_with("socket:") {
            continue;
        }
        // SAFETY: no pointers.
        let socket = match owned(unsafe { libc::syscall(libc::SYS_pidfd_getfd, pidfd.as_raw_fd(), number, 0) }) {
            Ok(socket) => socket,
            Err(libc::EBADF | libc::ESRCH) => continue,
            Err(errno) => {
                return Err(Fault::os(Stage::Inspect, errno, format!("process {pid}: cannot take over descriptor {number} (needs CAP_SYS_PTRACE)")));
            }
        };
        if !eligible(&socket, server_ports) {
            continue;
        }
        let Some(cookie) = option::<u64>(&socket, libc::SOL_SOCKET, libc::SO_COOKIE) else { continue };
        let value = u64::try_from(socket.as_raw_fd()).unwrap_or_default().to_ne_bytes();
        match sockhash.update(&cookie.to_ne_bytes(), &value[..info.value_size as usize], u64::from(sys::BPF_NOEXIST)) {
            Ok(()) => adopted += 1,
            // There already, or no longer established, or owned by another upper layer (kTLS).
            Err(fault) if matches!(fault.errno, libc::EEXIST | libc::EOPNOTSUPP | libc::EBUSY | libc::EINVAL) => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(adopted)
}

fn eligible(socket: &OwnedFd, server_ports: &[u16]) -> bool {
    let domain = option::<i32>(socket, libc::SOL_SOCKET, libc::SO_DOMAIN);
    if !matches!(domain, Some(libc::AF_INET | libc::AF_INET6))
        || option::<i32>(socket, libc::SOL_SOCKET, libc::SO_PROTOCOL) != Some(libc::IPPROTO_TCP)
    {
        return false;
    }
    // The first byte of tcp_info is the state.
    if option::<u8>(socket, libc::IPPROTO_TCP, libc::TCP_INFO) != Some(TCP_ESTABLISHED) {
        return false;
    }
    if option::<i32>(socket, libc::SOL_SOCKET, libc::SO_ZEROCOPY) == Some(1) {
        return false;
    }
    // A read that blocks in a sockhash answers EAGAIN to a reset (bpf/include/obi/carrier.bpf.h).
    // SAFETY: no pointers.
    if unsafe { libc::fcntl(socket.as_raw_fd(), libc::F_GETFL) } & libc::O_NONBLOCK == 0 {
        return false;
    }
    local_port(socket).is_some_and(|port| !server_ports.contains(&port))
}

/// `T` must be plain integers: every bit pattern is a value.
fn option<T: Copy + Default>(socket: &OwnedFd, level: i32, name: i32) -> Option<T> {
    let mut value = T::default();
    let mut len = size_of::<T>() as libc::socklen_t;
    // SAFETY: `value` has `len` bytes.
    let ret = unsafe { libc::getsockopt(socket.as_raw_fd(), level, name, (&raw mut value).cast(), &mut len) };
    (ret == 0).then_some(value)
}

fn local_port(socket: &OwnedFd) -> Option<u16> {
    // SAFETY: sockaddr_in6 is plain data; it is at least as long as sockaddr_in and has the port at the same place.
    let mut address: libc::sockaddr_in6 = unsafe { zeroed() };
    let mut len = size_of::<libc::sockaddr_in6>() as libc::socklen_t;
    // SAFETY: `address` has `len` bytes.
    let ret = unsafe { libc::getsockname(socket.as_raw_fd(), (&raw mut address).cast(), &mut len) };
    (ret == 0).then(|| u16::from_be(address.sin6_port))
}

fn owned(ret: i64) -> std::result::Result<OwnedFd, i32> {
    if ret < 0 {
        return Err(io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO));
    }
    // SAFETY: the kernel just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(ret as i32) })
}
