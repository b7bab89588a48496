// SPDX-License-Identifier: Apache-2.0
//! Files of kernel file systems that the host did not mount: a thread of its own gets a private mount namespace, and nothing of it
//! outlives the thread.

use std::ffi::CStr;
use std::io;
use std::path::Path;
use std::ptr;
use std::thread;

#[derive(Clone, Copy)]
pub enum KernelFs {
    Tracefs,
    Securityfs,
}

impl KernelFs {
    fn parts(self) -> (&'static CStr, &'static CStr, &'static str) {
        match self {
            Self::Tracefs => (c"tracefs", c"/sys/kernel/tracing", "/sys/kernel/tracing/events"),
            Self::Securityfs => (c"securityfs", c"/sys/kernel/security", "/sys/kernel/security/lsm"),
        }
    }

    fn mounted(self) -> bool {
        Path::new(self.parts().2).exists()
    }
}

/// Runs `work` where `fs` is mounted: here if it is, else on a thread with a private mount. `Err` when it cannot be mounted (no CAP_SYS_ADMIN).
pub fn with_mounted<T: Send>(fs: KernelFs, work: impl FnOnce() -> T + Send) -> io::Result<T> {
    if fs.mounted() {
        return Ok(work());
    }
    thread::scope(|scope| {
        scope
            .spawn(|| {
                mount_privately(fs)?;
                Ok(work())
            })
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the helper thread panicked")))
    })
}

fn mount_privately(fs: KernelFs) -> io::Result<()> {
    let (kind, target, _) = fs.parts();
    // SAFETY: affects only the calling thread, which exists for this purpose.
    check(unsafe { libc::unshare(libc::CLONE_FS | libc::CLONE_NEWNS) })?;
    // SAFETY: C strings and null pointers as mount(2) asks. Private first, so that the next mount does not propagate to the host.
    check(unsafe { libc::mount(ptr::null(), c"/".as_ptr(), ptr::null(), libc::MS_REC | libc::MS_PRIVATE, ptr::null()) })?;
    // SAFETY: as above.
    check(unsafe { libc::mount(kind.as_ptr(), target.as_ptr(), kind.as_ptr(), libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC, ptr::null()) })
}

fn check(ret: i32) -> io::Result<()> {
    if ret == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
