// SPDX-License-Identifier: Apache-2.0
//! Phase 2: in the kernel. Everything that attaches a program.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::os::fd::BorrowedFd;
use std::path::Path;

use libbpf_rs::MapCore;
use libbpf_rs::Object;
use libbpf_rs::ProgramInput;
use libbpf_rs::ProgramMut;
use libbpf_rs::TracepointCategory;

use super::no_such;
use super::program::program_fd;
use super::program::program_info;
use super::program::program_kind;
use super::program::program_map_ids;
use super::text;
use super::uprobe::attach_multi;
use super::with_hint;
use crate::error::Fault;
use crate::error::Result;
use crate::error::Stage;
use crate::link;
use crate::link::Link;
use crate::link::SkMsg;
use crate::log;
use crate::map::Map;
use crate::mounts::KernelFs;
use crate::mounts::with_mounted;

pub struct LoadedProgram {
    pub name: String,
    pub id: u32,
    pub kind: &'static str,
    pub verified_insns: u32,
}

pub struct Uprobe<'a> {
    pub path: &'a str,
    pub offset: u64,
    pub on_return: bool,
    /// -1: every process.
    pub pid: i32,
}

pub struct TestOutput {
    pub return_value: u32,
    pub data: Vec<u8>,
}

/// Phase 2. Dropping closes the programs and maps; links and [`Map`]s that were taken keep theirs.
pub struct Loaded {
    name: String,
    object: Object,
}

impl Drop for Loaded {
    fn drop(&mut self) {
        link::Uprobe::settle();
    }
}

impl Loaded {
    pub(super) fn new(name: String, object: Object) -> Self {
        Self { name, object }
    }

    pub fn programs(&self) -> Vec<LoadedProgram> {
        self.object
            .progs()
            .filter_map(|program| {
                let info = program_info(&program)?;
                let kind = program_kind(program.prog_type() as u32, &text(program.section()));
                Some(LoadedProgram { name: text(program.name()), id: info.id, kind, verified_insns: info.verified_insns })
            })
            .collect()
    }

    /// How often the kernel skipped a program because one of ours ran on that CPU already. Programs without such are left out.
    pub fn missed_runs(&self) -> Vec<(String, u64)> {
        let counted = self.object.progs().filter_map(|program| Some((text(program.name()), program_info(&program)?.recursion_misses)));
        counted.filter(|(_, missed)| *missed > 0).collect()
    }

    pub fn map(&self, name: &str) -> Result<Map> {
        let found = self.object.maps().find(|m| m.name() == name);
        let found = found.ok_or_else(|| no_such(Stage::Map, &self.name, "map", name))?;
        Map::new(found.as_fd(), Some(name))
    }

    pub fn attach_raw_tracepoint(&self, program: &str, tracepoint: &str) -> Result<Link> {
        self.attach(program, &format!("raw tracepoint {tracepoint}"), |p| p.attach_raw_tracepoint(tracepoint))
    }

    pub fn attach_tracepoint(&self, program: &str, category: &str, name: &str) -> Result<Link> {
        let to = format!("tracepoint {category}:{name}");
        let attached = with_mounted(KernelFs::Tracefs, || {
            self.attach(program, &to, |p| p.attach_tracepoint(TracepointCategory::Custom(category.to_owned()), name))
        });
        attached.unwrap_or_else(|error| {
            let who = self.who(program, &to);
            Err(Fault::os(
                Stage::Attach,
                error.raw_os_error().unwrap_or(0),
                format!("{who}: tracefs is not mounted and cannot be mounted privately; mount it at /sys/kernel/tracing"),
            ))
        })
    }

    pub fn attach_kprobe(&self, program: &str, function: &str, on_return: bool) -> Result<Link> {
        let to = format!("{} {function}", if on_return { "kretprobe" } else { "kprobe" });
        self.require_pmu("kprobe", program, &to)?;
        self.attach(program, &to, |p| p.attach_kprobe(on_return, function))
    }

    pub fn attach_uprobe(&self, program: &str, at: &Uprobe<'_>) -> Result<Link> {
        let to = format!("{} {}+{:#x}", if at.on_return { "uretprobe" } else { "uprobe" }, at.path, at.offset);
        self.require_pmu("uprobe", program, &to)?;
        let found = self.program(Stage::Attach, program)?;
        if let (Some(Ok(link)), _) = log::capture(|| attach_multi(&found, at)) {
            return Ok(Link::Uprobe(link::Uprobe::of_multi_link(link)));
        }
        let link = self.attach_link(program, &to, |p| p.attach_uprobe(at.on_return, at.pid, at.path, at.offset as usize))?;
        Ok(Link::Uprobe(link::Uprobe::of_perf(link)))
    }

    pub fn attach_trace(&self, program: &str) -> Result<Link> {
        let section = self.object.progs().find(|p| p.name() == program).map(|p| text(p.section()));
        self.attach(program, section.as_deref().unwrap_or("its target"), |p| p.attach_trace())
    }

    pub fn attach_cgroup(&self, program: &str, path: &str) -> Result<Link> {
        let to = format!("cgroup {path}");
        let cgroup = File::open(path)
            .map_err(|e| Fault::os(Stage::Attach, e.raw_os_error().unwrap_or(0), format!("{}: cannot open it", self.who(program, &to))))?;
        self.attach(program, &to, |p| p.attach_cgroup(cgroup.as_raw_fd()))
    }

    pub fn attach_sk_msg(&self, program: &str, sockhash: &Map) -> Result<Link> {
        let who = self.who(program, &format!("sockhash {}", sockhash.info().name));
        let own = |fd: BorrowedFd<'_>| {
            fd.try_clone_to_owned()
                .map_err(|e| Fault::os(Stage::Attach, e.raw_os_error().unwrap_or(0), format!("{who}: cannot duplicate a descriptor")))
        };
        let program = self.program(Stage::Attach, program)?;
        if program_map_ids(&program).contains(&sockhash.id()) {
            return Err(Fault::usage(
                Stage::Attach,
                format!(
                    "{who}: the program uses that sockhash itself; map, sockets and program would keep one another alive on other processes' sockets after this one was killed"
                ),
            ));
        }
        Ok(Link::SkMsg(SkMsg::attach(own(program.as_fd())?, own(sockhash.as_fd())?, sockhash.info().key_size as usize, &who)?))
    }

    pub fn fill_slot(&self, program: &str, array: &Map, index: u32) -> Result<()> {
        let found = self.program(Stage::Map, program)?;
        array.update(&index.to_ne_bytes(), &found.as_fd().as_raw_fd().to_ne_bytes(), 0).map_err(|fault| Fault {
            message: format!("object {}: program {program}: cannot fill slot {index}: {}", self.name, fault.message),
            ..fault
        })
    }

    pub fn test_run(&self, program: &str, data: Option<&[u8]>, context: Option<&[u8]>) -> Result<TestOutput> {
        /// Room for programs that lengthen the packet.
        const HEADROOM: usize = 4096;
        let found = self.program(Stage::Load, program)?;
        let mut context = context.map(<[u8]>::to_vec);
        let mut room = vec![0_u8; data.map_or(0, |data| data.len() + HEADROOM)];
        let input = ProgramInput {
            context_in: context.as_deref_mut(),
            data_in: data,
            data_out: data.is_some().then_some(room.as_mut_slice()),
            ..ProgramInput::default()
        };
        let output =
            found.test_run(input).map_err(|e| Fault::libbpf(Stage::Load, &e, format!("object {}: program {program}: test run failed", self.name)))?;
        Ok(TestOutput { return_value: output.return_value, data: output.data.map(|data| data.to_vec()).unwrap_or_default() })
    }

    fn attach(&self, program: &str, to: &str, how: impl FnOnce(&ProgramMut<'_>) -> libbpf_rs::Result<libbpf_rs::Link>) -> Result<Link> {
        self.attach_link(program, to, how).map(Link::Descriptor)
    }

    fn attach_link(
        &self,
        program: &str,
        to: &str,
        how: impl FnOnce(&ProgramMut<'_>) -> libbpf_rs::Result<libbpf_rs::Link>,
    ) -> Result<libbpf_rs::Link> {
        let found = self.program(Stage::Attach, program)?;
        let (link, said) = log::capture(|| how(&found));
        link.map_err(|e| Fault::libbpf(Stage::Attach, &e, with_hint(format!("{}: cannot attach", self.who(program, to)), &said)))
    }

    /// Without the perf PMU libbpf would write to tracefs, and that stays behind when the process is killed.
    fn require_pmu(&self, pmu: &str, program: &str, to: &str) -> Result<()> {
        if Path::new(&format!("/sys/bus/event_source/devices/{pmu}/type")).exists() {
            return Ok(());
        }
        Err(Fault::os(Stage::Attach, libc::EOPNOTSUPP, format!("{}: this kernel has no {pmu}s", self.who(program, to))))
    }

    fn program(&self, stage: Stage, name: &str) -> Result<ProgramMut<'_>> {
        let found = self.object.progs_mut().find(|p| p.name() == name).ok_or_else(|| no_such(stage, &self.name, "program", name))?;
        if program_fd(&found).is_none() {
            return Err(Fault::usage(stage, format!("object {}: program {name}: was not loaded (autoload is off)", self.name)));
        }
        Ok(found)
    }

    fn who(&self, program: &str, to: &str) -> String {
        format!("object {}: program {program} to {to}", self.name)
    }
}
