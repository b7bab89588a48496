// SPDX-License-Identifier: Apache-2.0
//! The lockdown mode, from its file (mounted privately where the host has no securityfs) or from what the kernel forbids.

use std::fs;
use std::io;

use libbpf_rs::libbpf_sys as sys;

use super::trial::Program;
use super::trial::helper;
use super::trial::loads;
use crate::mounts::KernelFs;
use crate::mounts::with_mounted;

const LOCKDOWN: &str = "/sys/kernel/security/lockdown";

pub fn lockdown(capabilities: &[&str]) -> &'static str {
    match with_mounted(KernelFs::Securityfs, || fs::read_to_string(LOCKDOWN)) {
        Ok(Ok(text)) => parse_lockdown(&text),
        // securityfs is there and the file is not: this kernel has no lockdown.
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => "absent",
        _ => lockdown_by_helpers(capabilities),
    }
}

/// What lockdown forbids tells its mode, but only to somebody whom nothing else forbids it.
fn lockdown_by_helpers(capabilities: &[&str]) -> &'static str {
    if !capabilities.contains(&"SYS_ADMIN") || !loads(&Program::plain(sys::BPF_PROG_TYPE_KPROBE)) {
        return "unreadable";
    }
    let may = |id| helper(sys::BPF_PROG_TYPE_KPROBE, id);
    match (may(sys::BPF_FUNC_probe_write_user), may(sys::BPF_FUNC_probe_read_kernel)) {
        (true, _) => "none",
        (false, true) => "integrity",
        (false, false) => "confidentiality",
    }
}

/// `none [integrity] confidentiality`: the mode in brackets holds.
fn parse_lockdown(text: &str) -> &'static str {
    let mode = text.split_once('[').and_then(|(_, rest)| rest.split(']').next());
    match mode {
        Some("none") => "none",
        Some("integrity") => "integrity",
        Some("confidentiality") => "confidentiality",
        _ => "unreadable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lockdown_mode_is_the_one_in_brackets() {
        assert_eq!(parse_lockdown("none [integrity] confidentiality\n"), "integrity");
        assert_eq!(parse_lockdown("[none] integrity confidentiality\n"), "none");
        assert_eq!(parse_lockdown("none integrity [confidentiality]\n"), "confidentiality");
        assert_eq!(parse_lockdown(""), "unreadable");
    }
}
