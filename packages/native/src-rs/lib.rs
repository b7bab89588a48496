// SPDX-License-Identifier: Apache-2.0
//! The N-API edge: types in, types out. The work is in the modules, which (but for `reader`) know nothing of N-API.

mod beside;
mod error;
mod features;
mod link;
mod log;
mod map;
mod mounts;
mod object;
mod reader;
mod ring;
mod shim;
mod sockets;

use std::collections::HashMap;
use std::rc::Rc;

use napi::Env;
use napi::Error;
use napi::JsValue;
use napi::Status;
use napi::bindgen_prelude::Function;
use napi::bindgen_prelude::JsObjectValue;
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;

use error::Fault;
use error::Stage;
use object::Uprobe;
use reader::Interrupted;

/// A failure as core's `KernelError`: an Error with stage, errno, code, verifierLog.
fn thrown(env: &Env, fault: Fault) -> Error {
    let build = || -> napi::Result<Error> {
        let mut error = env.create_error(Error::new(Status::GenericFailure, fault.to_string()))?;
        error.set_named_property("code", fault.code())?;
        error.set_named_property("stage", fault.stage.as_str())?;
        error.set_named_property("errno", fault.errno)?;
        if let Some(log) = &fault.verifier_log {
            error.set_named_property("verifierLog", log.as_str())?;
        }
        Ok(Error::from(error.to_unknown()))
    };
    build().unwrap_or_else(|_| Error::new(Status::GenericFailure, fault.to_string()))
}

trait OrThrow<T> {
    fn or_throw(self, env: &Env) -> napi::Result<T>;
}

impl<T> OrThrow<T> for error::Result<T> {
    fn or_throw(self, env: &Env) -> napi::Result<T> {
        self.map_err(|fault| thrown(env, fault))
    }
}

#[napi(object)]
pub struct NativeProgram {
    pub name: String,
    pub section: String,
    /// core's ProgramType
    pub r#type: String,
}

#[napi(object)]
pub struct NativeLoadedProgram {
    pub name: String,
    pub id: u32,
    pub r#type: String,
    pub verified_insns: u32,
}

#[napi(object)]
pub struct NativeMapInfo {
    pub name: String,
    pub r#type: u32,
    pub key_size: u32,
    pub value_size: u32,
    pub max_entries: u32,
}

impl From<&map::MapInfo> for NativeMapInfo {
    fn from(info: &map::MapInfo) -> Self {
        Self { name: info.name.clone(), r#type: info.kind, key_size: info.key_size, value_size: info.value_size, max_entries: info.max_entries }
    }
}

#[napi(object)]
pub struct NativeTestResult {
    pub return_value: u32,
    pub data: Uint8Array,
}

#[napi(object)]
pub struct NativeFeatures {
    pub release: String,
    pub architecture: String,
    pub btf: bool,
    pub lockdown: String,
    pub kprobes: bool,
    pub fentry: bool,
    pub bpf_loop: bool,
    pub ring_buffer: bool,
    pub probe_write_user: bool,
    pub program_types: Vec<String>,
    pub capabilities: Vec<String>,
    /// undefined: could not be measured
    pub fionread_fault: Option<bool>,
}

#[napi]
pub fn features() -> NativeFeatures {
    let found = features::probe();
    let texts = |list: Vec<&'static str>| list.into_iter().map(str::to_owned).collect();
    NativeFeatures {
        release: found.release,
        architecture: found.architecture,
        btf: found.btf,
        lockdown: found.lockdown.to_owned(),
        kprobes: found.kprobes,
        fentry: found.fentry,
        bpf_loop: found.bpf_loop,
        ring_buffer: found.ring_buffer,
        probe_write_user: found.probe_write_user,
        program_types: texts(found.program_types),
        capabilities: texts(found.capabilities),
        fionread_fault: found.fionread_fault,
    }
}

#[napi]
pub fn adopt_sockets(env: Env, pid: i32, sockhash: &NativeMap, server_ports: Vec<u16>) -> napi::Result<u32> {
    sockets::adopt(pid, &sockhash.map, &server_ports).or_throw(&env)
}

/// Phase 1: parsed.
#[napi]
pub struct NativeOpenedObject {
    name: String,
    opened: Option<object::Opened>,
}

impl NativeOpenedObject {
    fn opened(&mut self, env: &Env) -> napi::Result<&mut object::Opened> {
        let consumed = Fault::usage(Stage::Open, format!("object {}: load() consumed it", self.name));
        self.opened.as_mut().ok_or_else(|| thrown(env, consumed))
    }
}

#[napi]
impl NativeOpenedObject {
    #[napi(factory)]
    pub fn open(env: Env, name: String, image: &[u8]) -> napi::Result<Self> {
        let opened = object::Opened::open(&name, image).or_throw(&env)?;
        Ok(Self { name, opened: Some(opened) })
    }

    #[napi]
    pub fn programs(&mut self, env: Env) -> napi::Result<Vec<NativeProgram>> {
        let programs = self.opened(&env)?.programs();
        Ok(programs.into_iter().map(|p| NativeProgram { name: p.name, section: p.section, r#type: p.kind.to_owned() }).collect())
    }

    #[napi]
    pub fn maps(&mut self, env: Env) -> napi::Result<Vec<NativeMapInfo>> {
        Ok(self.opened(&env)?.maps().iter().map(NativeMapInfo::from).collect())
    }

    #[napi]
    pub fn set_autoload(&mut self, env: Env, program: String, autoload: bool) -> napi::Result<()> {
        self.opened(&env)?.set_autoload(&program, autoload).or_throw(&env)
    }

    #[napi]
    pub fn has_global(&mut self, env: Env, variable: String) -> napi::Result<bool> {
        Ok(self.opened(&env)?.has_global(&variable))
    }

    #[napi]
    pub fn get_global(&mut self, env: Env, variable: String) -> napi::Result<Uint8Array> {
        self.opened(&env)?.get_global(&variable).map(Uint8Array::from).or_throw(&env)
    }

    #[napi]
    pub fn set_global(&mut self, env: Env, variable: String, value: &[u8]) -> napi::Result<()> {
        self.opened(&env)?.set_global(&variable, value).or_throw(&env)
    }

    #[napi]
    pub fn set_max_entries(&mut self, env: Env, map: String, entries: u32) -> napi::Result<()> {
        self.opened(&env)?.set_max_entries(&map, entries).or_throw(&env)
    }

    #[napi]
    pub fn reuse_map(&mut self, env: Env, map: String, existing: &NativeMap) -> napi::Result<()> {
        self.opened(&env)?.reuse_map(&map, &existing.map).or_throw(&env)
    }

    #[napi]
    pub fn load(&mut self, env: Env) -> napi::Result<NativeLoadedObject> {
        self.opened(&env)?;
        let Some(opened) = self.opened.take() else { return Err(Error::new(Status::GenericFailure, "unreachable")) };
        let loaded = opened.load().or_throw(&env)?;
        Ok(NativeLoadedObject { name: self.name.clone(), loaded: Some(loaded) })
    }
}

/// Phase 2: in the kernel.
#[napi]
pub struct NativeLoadedObject {
    name: String,
    loaded: Option<object::Loaded>,
}

impl NativeLoadedObject {
    fn loaded(&self, env: &Env) -> napi::Result<&object::Loaded> {
        self.loaded.as_ref().ok_or_else(|| thrown(env, Fault::usage(Stage::Load, format!("object {}: was disposed of", self.name))))
    }
}

#[napi]
impl NativeLoadedObject {
    #[napi]
    pub fn dispose(&mut self) {
        self.loaded = None;
    }

    #[napi]
    pub fn programs(&self, env: Env) -> napi::Result<Vec<NativeLoadedProgram>> {
        let programs = self.loaded(&env)?.programs();
        Ok(programs
            .into_iter()
            .map(|p| NativeLoadedProgram { name: p.name, id: p.id, r#type: p.kind.to_owned(), verified_insns: p.verified_insns })
            .collect())
    }

    /// Program → runs; those without are left out.
    #[napi]
    pub fn missed_runs(&self, env: Env) -> napi::Result<HashMap<String, f64>> {
        Ok(self.loaded(&env)?.missed_runs().into_iter().map(|(program, missed)| (program, missed as f64)).collect())
    }

    #[napi]
    pub fn map(&self, env: Env, name: String) -> napi::Result<NativeMap> {
        Ok(NativeMap { map: self.loaded(&env)?.map(&name).or_throw(&env)? })
    }

    #[napi]
    pub fn attach_raw_tracepoint(&self, env: Env, program: String, tracepoint: String) -> napi::Result<NativeLink> {
        self.loaded(&env)?.attach_raw_tracepoint(&program, &tracepoint).map(NativeLink::from).or_throw(&env)
    }

    #[napi]
    pub fn attach_tracepoint(&self, env: Env, program: String, category: String, name: String) -> napi::Result<NativeLink> {
        self.loaded(&env)?.attach_tracepoint(&program, &category, &name).map(NativeLink::from).or_throw(&env)
    }

    #[napi]
    pub fn attach_kprobe(&self, env: Env, program: String, kernel_function: String, on_return: bool) -> napi::Result<NativeLink> {
        self.loaded(&env)?.attach_kprobe(&program, &kernel_function, on_return).map(NativeLink::from).or_throw(&env)
    }

    /// pid -1: every process
    #[napi]
    pub fn attach_uprobe(&self, env: Env, program: String, path: String, offset: i64, on_return: bool, pid: i32) -> napi::Result<NativeLink> {
        let at = Uprobe { path: &path, offset: offset as u64, on_return, pid };
        self.loaded(&env)?.attach_uprobe(&program, &at).map(NativeLink::from).or_throw(&env)
    }

    #[napi]
    pub fn attach_trace(&self, env: Env, program: String) -> napi::Result<NativeLink> {
        self.loaded(&env)?.attach_trace(&program).map(NativeLink::from).or_throw(&env)
    }

    #[napi]
    pub fn attach_cgroup(&self, env: Env, program: String, cgroup_path: String) -> napi::Result<NativeLink> {
        self.loaded(&env)?.attach_cgroup(&program, &cgroup_path).map(NativeLink::from).or_throw(&env)
    }

    #[napi]
    pub fn attach_sk_msg(&self, env: Env, program: String, sockhash: &NativeMap) -> napi::Result<NativeLink> {
        self.loaded(&env)?.attach_sk_msg(&program, &sockhash.map).map(NativeLink::from).or_throw(&env)
    }

    #[napi]
    pub fn fill_slot(&self, env: Env, program: String, array: &NativeMap, index: u32) -> napi::Result<()> {
        self.loaded(&env)?.fill_slot(&program, &array.map, index).or_throw(&env)
    }

    #[napi]
    pub fn test_run(&self, env: Env, program: String, data: Option<&[u8]>, context: Option<&[u8]>) -> napi::Result<NativeTestResult> {
        let output = self.loaded(&env)?.test_run(&program, data, context).or_throw(&env)?;
        Ok(NativeTestResult { return_value: output.return_value, data: Uint8Array::from(output.data) })
    }
}

/// Phase 3: attached.
#[napi]
pub struct NativeLink {
    link: Option<link::Link>,
}

impl From<link::Link> for NativeLink {
    fn from(link: link::Link) -> Self {
        Self { link: Some(link) }
    }
}

#[napi]
impl NativeLink {
    #[napi]
    pub fn dispose(&mut self) {
        self.link = None;
    }
}

#[napi]
pub struct NativeMap {
    map: map::Map,
}

#[napi]
impl NativeMap {
    #[napi]
    pub fn info(&self) -> NativeMapInfo {
        self.map.info().into()
    }

    #[napi]
    pub fn id(&self) -> u32 {
        self.map.id()
    }

    #[napi]
    pub fn lookup(&self, env: Env, key: &[u8]) -> napi::Result<Option<Uint8Array>> {
        Ok(self.map.lookup(key).or_throw(&env)?.map(Uint8Array::from))
    }

    #[napi]
    pub fn lookup_per_cpu(&self, env: Env, key: &[u8]) -> napi::Result<Option<Vec<Uint8Array>>> {
        let values = self.map.lookup_per_cpu(key).or_throw(&env)?;
        Ok(values.map(|values| values.into_iter().map(Uint8Array::from).collect()))
    }

    #[napi]
    pub fn update(&self, env: Env, key: &[u8], value: &[u8], flags: u32) -> napi::Result<()> {
        self.map.update(key, value, u64::from(flags)).or_throw(&env)
    }

    #[napi]
    pub fn delete(&self, env: Env, key: &[u8]) -> napi::Result<bool> {
        self.map.delete(key).or_throw(&env)
    }

    #[napi]
    pub fn keys(&self, env: Env) -> napi::Result<Vec<Uint8Array>> {
        Ok(self.map.keys().or_throw(&env)?.into_iter().map(Uint8Array::from).collect())
    }

    /// Key, value, key, value ... back to back.
    #[napi]
    pub fn entries(&self, env: Env) -> napi::Result<Uint8Array> {
        self.map.entries().map(Uint8Array::from).or_throw(&env)
    }
}

#[napi]
pub struct NativeRingReader {
    reader: Rc<reader::Reader>,
}

#[napi]
impl NativeRingReader {
    #[napi(
        factory,
        ts_args_type = "ring: NativeMap, batchBytes: number, coalesceMs: number, onBatch: (batch: Buffer, used: number, count: number) => void"
    )]
    pub fn open(env: Env, ring: &NativeMap, batch_bytes: u32, coalesce_ms: u32, on_batch: Function<'_, (), ()>) -> napi::Result<Self> {
        // SAFETY: called by JavaScript of this environment, with a function of it.
        let reader = unsafe { reader::Reader::open(env.raw(), &ring.map, batch_bytes as usize, u64::from(coalesce_ms), on_batch.raw()) };
        Ok(Self { reader: reader.or_throw(&env)? })
    }

    #[napi]
    pub fn start(&self, env: Env) -> napi::Result<()> {
        self.reader.start().or_throw(&env)
    }

    #[napi]
    pub fn stop(&self) {
        self.reader.stop();
    }

    #[napi]
    pub fn drain(&self, env: Env) -> napi::Result<u32> {
        match self.reader.drain() {
            Ok(count) => Ok(u32::try_from(count).unwrap_or(u32::MAX)),
            Err(Interrupted::Failed(fault)) => Err(thrown(&env, fault)),
            // The exception of onBatch is pending and goes to the caller as it is.
            Err(Interrupted::Thrown) => Err(Error::new(Status::PendingException, "onBatch threw")),
        }
    }

    #[napi]
    pub fn dispose(&self) {
        self.reader.close();
    }
}

/// Collected without dispose(): a started reader goes on, like a listening server; a stopped one is closed.
impl Drop for NativeRingReader {
    fn drop(&mut self) {
        if !self.reader.is_started() {
            self.reader.close();
        }
    }
}
