// SPDX-License-Identifier: Apache-2.0
//! The one error of this crate: which stage, which errno, who failed, and what the verifier said.

use std::fmt;
use std::io;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Open,
    Load,
    Attach,
    Map,
    Poll,
    Inspect,
}

impl Stage {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Load => "load",
            Self::Attach => "attach",
            Self::Map => "map",
            Self::Poll => "poll",
            Self::Inspect => "inspect",
        }
    }
}

#[derive(Debug)]
pub struct Fault {
    pub stage: Stage,
    /// Positive, 0 when no system call failed.
    pub errno: i32,
    /// Begins with who failed; the errno's text is added by `Display`.
    pub message: String,
    pub verifier_log: Option<String>,
}

pub type Result<T> = std::result::Result<T, Fault>;

impl Fault {
    /// A failed system call; `errno` may be given negative, as libbpf returns it.
    pub fn os(stage: Stage, errno: i32, message: impl Into<String>) -> Self {
        Self { stage, errno: errno.abs(), message: message.into(), verifier_log: None }
    }

    /// A failed libc call: takes the thread's errno.
    pub fn last_os(stage: Stage, message: impl Into<String>) -> Self {
        Self::os(stage, io::Error::last_os_error().raw_os_error().unwrap_or(0), message)
    }

    /// A mistake of the caller, seen before any system call.
    pub fn usage(stage: Stage, message: impl Into<String>) -> Self {
        Self::os(stage, 0, message)
    }

    pub fn libbpf(stage: Stage, error: &libbpf_rs::Error, message: impl Into<String>) -> Self {
        let text = format!("{error:#}");
        match errno_in(&text) {
            0 => Self::usage(stage, format!("{}: {text}", message.into())),
            errno => Self::os(stage, errno, message),
        }
    }

    /// Symbolic name of the errno; `ERR_<STAGE>` without one.
    pub fn code(&self) -> String {
        match self.errno {
            0 => format!("ERR_{}", self.stage.as_str().to_uppercase()),
            n => errno_name(n).map_or_else(|| format!("E{n}"), str::to_owned),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.errno != 0 {
            let text = io::Error::from_raw_os_error(self.errno).to_string();
            let text = text.split(" (os error").next().unwrap_or_default();
            write!(f, ": {} ({text})", self.code())?;
        }
        Ok(())
    }
}

/// libbpf-rs hides the `io::Error` in its error; its text always ends `(os error N)` for a system call's.
fn errno_in(text: &str) -> i32 {
    text.rsplit_once("(os error ").and_then(|(_, rest)| rest.split(')').next()).and_then(|number| number.parse::<i32>().ok()).unwrap_or(0)
}

macro_rules! errno_names {
    ($($name:ident)*) => {
        fn errno_name(errno: i32) -> Option<&'static str> {
            match errno {
                $(libc::$name => Some(stringify!($name)),)*
                // The kernel's own, not in libc: "operation is not supported" of BPF features.
                524 => Some("ENOTSUPP"),
                _ => None,
            }
        }
    };
}
errno_names! {
    EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY EEXIST EXDEV
    ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM ERANGE EDEADLK
    ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP ENODATA ETIME EOVERFLOW EILSEQ EUSERS ENOTSOCK EDESTADDRREQ EMSGSIZE
    EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT EOPNOTSUPP EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN ENETUNREACH ECONNABORTED
    ECONNRESET ENOBUFS EISCONN ENOTCONN ETIMEDOUT ECONNREFUSED EHOSTUNREACH EALREADY EINPROGRESS ESTALE EBADMSG
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errno_is_found_in_libbpf_rs_text() {
        let error = libbpf_rs::Error::from_raw_os_error(libc::EACCES);
        let fault = Fault::libbpf(Stage::Attach, &error, "program p");
        assert_eq!(fault.errno, libc::EACCES);
        assert_eq!(fault.code(), "EACCES");
        assert_eq!(fault.to_string(), "program p: EACCES (Permission denied)");
    }

    #[test]
    fn without_errno_the_code_names_the_stage() {
        let fault = Fault::usage(Stage::Map, "map m: no such map");
        assert_eq!((fault.errno, fault.code().as_str()), (0, "ERR_MAP"));
        assert_eq!(fault.to_string(), "map m: no such map");
    }

    #[test]
    fn negative_and_unknown_numbers() {
        assert_eq!(Fault::os(Stage::Load, -524, "x").code(), "ENOTSUPP");
        assert_eq!(Fault::os(Stage::Load, 4000, "x").code(), "E4000");
    }
}
