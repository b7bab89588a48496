// SPDX-License-Identifier: Apache-2.0
//! Phase 1: parsed. Programs can be switched off, globals set, maps resized or replaced.

use std::os::fd::AsFd;

use libbpf_rs::AsRawLibbpf;
use libbpf_rs::ObjectBuilder;
use libbpf_rs::OpenObject;
use libbpf_rs::btf::Btf;
use libbpf_rs::btf::types::DataSec;
use libbpf_rs::btf::types::Var;

use super::loaded::Loaded;
use super::no_such;
use super::program::program_kind;
use super::text;
use super::with_hint;
use crate::error::Fault;
use crate::error::Result;
use crate::error::Stage;
use crate::log;
use crate::map::Map;
use crate::map::MapInfo;

pub struct ProgramDescription {
    pub name: String,
    pub section: String,
    pub kind: &'static str,
}

/// Phase 1.
pub struct Opened {
    name: String,
    object: OpenObject,
}

impl Opened {
    pub fn open(name: &str, image: &[u8]) -> Result<Self> {
        log::silence();
        let (object, said) = log::capture(|| {
            let mut builder = ObjectBuilder::default();
            builder.name(name).and_then(|builder| builder.open_memory(image))
        });
        match object {
            Ok(object) => Ok(Self { name: name.to_owned(), object }),
            Err(error) => Err(Fault::libbpf(Stage::Open, &error, with_hint(format!("object {name}: cannot open it"), &said))),
        }
    }

    pub fn programs(&self) -> Vec<ProgramDescription> {
        self.object
            .progs()
            .map(|program| {
                let section = text(program.section());
                let kind = program_kind(program.prog_type() as u32, &section);
                ProgramDescription { name: text(program.name()), section, kind }
            })
            .collect()
    }

    pub fn maps(&self) -> Vec<MapInfo> {
        self.object
            .maps()
            .map(|map| MapInfo {
                name: text(map.name()),
                kind: map.map_type() as u32,
                key_size: map.key_size(),
                value_size: map.value_size(),
                max_entries: map.max_entries(),
            })
            .collect()
    }

    pub fn set_autoload(&mut self, program: &str, autoload: bool) -> Result<()> {
        let found = self.object.progs_mut().find(|p| p.name() == program);
        let Some(mut found) = found else {
            return Err(no_such(Stage::Open, &self.name, "program", program));
        };
        found.set_autoload(autoload);
        Ok(())
    }

    pub fn set_max_entries(&mut self, map: &str, entries: u32) -> Result<()> {
        let Some(mut found) = self.object.maps_mut().find(|m| m.name() == map) else {
            return Err(no_such(Stage::Open, &self.name, "map", map));
        };
        found
            .set_max_entries(entries)
            .map_err(|e| Fault::libbpf(Stage::Open, &e, format!("object {}: map {map}: cannot set max_entries to {entries}", self.name)))
    }

    pub fn reuse_map(&mut self, map: &str, existing: &Map) -> Result<()> {
        let Some(own) = self.maps().into_iter().find(|m| m.name == map) else {
            return Err(no_such(Stage::Open, &self.name, "map", map));
        };
        if !own.same_layout(existing.info()) {
            return Err(Fault::usage(
                Stage::Open,
                format!(
                    "object {}: map {map}: the object was compiled against another layout: it has {own}, the existing map {} has {}",
                    self.name,
                    existing.info().name,
                    existing.info()
                ),
            ));
        }
        let (result, said) = log::capture(|| self.object.maps_mut().find(|m| m.name() == map).map(|mut m| m.reuse_fd(existing.as_fd())));
        match result {
            Some(Err(error)) => {
                Err(Fault::libbpf(Stage::Open, &error, with_hint(format!("object {}: map {map}: cannot reuse the existing map", self.name), &said)))
            }
            _ => Ok(()),
        }
    }

    pub fn has_global(&self, variable: &str) -> bool {
        self.find_global(variable).is_some()
    }

    pub fn get_global(&self, variable: &str) -> Result<Vec<u8>> {
        let place = self.find_global(variable).ok_or_else(|| no_such(Stage::Open, &self.name, "global variable", variable))?;
        let map = self.object.maps().find(|m| m.name() == place.map.as_str());
        let bytes = map.as_ref().and_then(|m| m.initial_value()).and_then(|bytes| bytes.get(place.offset..place.offset + place.size));
        bytes.map(<[u8]>::to_vec).ok_or_else(|| self.no_memory(variable, &place))
    }

    pub fn set_global(&mut self, variable: &str, value: &[u8]) -> Result<()> {
        let place = self.find_global(variable).ok_or_else(|| no_such(Stage::Open, &self.name, "global variable", variable))?;
        if value.len() != place.size {
            return Err(Fault::usage(
                Stage::Open,
                format!("object {}: global variable {variable}: has {} bytes, got {}", self.name, place.size, value.len()),
            ));
        }
        let mut map = self.object.maps_mut().find(|m| m.name() == place.map.as_str());
        let bytes = map.as_mut().and_then(|m| m.initial_value_mut()).and_then(|bytes| bytes.get_mut(place.offset..place.offset + place.size));
        match bytes {
            Some(bytes) => {
                bytes.copy_from_slice(value);
                Ok(())
            }
            None => Err(self.no_memory(variable, &place)),
        }
    }

    /// Looks the variable up in the object's BTF: every data section is a BTF type that lists its variables.
    fn find_global(&self, variable: &str) -> Option<Place> {
        // SAFETY: the object lives as long as self, and the BTF is dropped before this returns.
        let btf = Btf::from_bpf_object(unsafe { self.object.as_libbpf_object().as_ref() }).ok()??;
        for section in btf.type_by_kind::<DataSec<'_>>() {
            let section_name = text(section.name()?);
            for index in 0..section.len() {
                let entry = section.get(index)?;
                let named = btf.type_by_id::<Var<'_>>(entry.ty).and_then(|var| var.name().map(|name| name == variable));
                if named != Some(true) {
                    continue;
                }
                // libbpf calls the map of a plain section "<object>.rodata"; sections of other names keep theirs.
                let map = self
                    .object
                    .maps()
                    .filter(|map| map.initial_value().is_some())
                    .map(|map| text(map.name()))
                    .find(|name| *name == section_name || name.strip_suffix(section_name.as_str()).is_some())?;
                return Some(Place { map, offset: entry.offset as usize, size: entry.size });
            }
        }
        None
    }

    fn no_memory(&self, variable: &str, place: &Place) -> Fault {
        Fault::usage(
            Stage::Open,
            format!(
                "object {}: global variable {variable}: its section {} holds no initial value at {}+{}",
                self.name, place.map, place.offset, place.size
            ),
        )
    }

    pub fn load(self) -> Result<Loaded> {
        let Self { name, object } = self;
        let (result, said) = log::capture(|| object.load());
        match result {
            Ok(object) => Ok(Loaded::new(name, object)),
            Err(error) => {
                let who = match said.failed_program() {
                    Some(program) => {
                        let reason = said.verdict().map(|line| format!(" ({line})")).unwrap_or_default();
                        format!("object {name}: program {program}: the kernel refused it{reason}")
                    }
                    None => with_hint(format!("object {name}: cannot load it"), &said),
                };
                let mut fault = Fault::libbpf(Stage::Load, &error, who);
                fault.verifier_log = said.verifier_log();
                if fault.errno == libc::EPERM && fault.verifier_log.is_none() {
                    fault.message.push_str("; loading needs root, or CAP_BPF with CAP_PERFMON and CAP_NET_ADMIN");
                }
                Err(fault)
            }
        }
    }
}

struct Place {
    map: String,
    offset: usize,
    size: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garbage_is_refused_at_open() {
        let fault = Opened::open("junk", b"not an ELF file at all, but long enough for a header ........................").err().unwrap();
        assert_eq!(fault.stage, Stage::Open);
        assert!(fault.message.starts_with("object junk: cannot open it"), "{}", fault.message);
    }
}
