// SPDX-License-Identifier: Apache-2.0
//! A map by its own file descriptor: stays usable when the object it came from is gone.

use std::collections::HashSet;
use std::ffi::CStr;
use std::ffi::c_void;
use std::fmt;
use std::mem;
use std::mem::size_of;
use std::mem::zeroed;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::ptr;

use libbpf_rs::libbpf_sys as sys;

use crate::error::Fault;
use crate::error::Result;
use crate::error::Stage;

/// Entries that one call of the kernel reads.
const BATCH: u32 = 4096;
/// More in one bucket than any table of ours can hold.
const MOST_IN_BUCKET: u32 = 1 << 20;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapInfo {
    pub name: String,
    pub kind: u32,
    pub key_size: u32,
    pub value_size: u32,
    pub max_entries: u32,
}

impl MapInfo {
    /// Same type and sizes: what two programs that share a map must agree on.
    pub fn same_layout(&self, other: &Self) -> bool {
        (self.kind, self.key_size, self.value_size) == (other.kind, other.key_size, other.value_size)
    }
}

/// The layout, for messages.
impl fmt::Display for MapInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "type {}, key {} bytes, value {} bytes", self.kind, self.key_size, self.value_size)
    }
}

#[derive(Debug)]
pub struct Map {
    fd: OwnedFd,
    id: u32,
    info: MapInfo,
}

impl Map {
    /// Duplicates `fd`. `name` is the full name; the kernel keeps 15 characters only.
    pub fn new(fd: BorrowedFd<'_>, name: Option<&str>) -> Result<Self> {
        let called = name.unwrap_or("?");
        let fd = fd
            .try_clone_to_owned()
            .map_err(|e| Fault::os(Stage::Map, e.raw_os_error().unwrap_or(0), format!("map {called}: cannot duplicate its descriptor")))?;
        // SAFETY: bpf_map_info is plain data, all zeroes are valid.
        let mut info: sys::bpf_map_info = unsafe { zeroed() };
        let mut len = size_of::<sys::bpf_map_info>() as u32;
        // SAFETY: `info` is `len` bytes and lives through the call.
        let ret = unsafe { sys::bpf_map_get_info_by_fd(fd.as_raw_fd(), &mut info, &mut len) };
        if ret < 0 {
            return Err(Fault::os(Stage::Map, ret, format!("map {called}: cannot read its description")));
        }
        // SAFETY: the kernel ends the name with a zero within its 16 bytes.
        let kernel_name = unsafe { CStr::from_ptr(info.name.as_ptr()) }.to_string_lossy().into_owned();
        let info_out = MapInfo {
            name: name.map_or(kernel_name, str::to_owned),
            kind: info.type_,
            key_size: info.key_size,
            value_size: info.value_size,
            max_entries: info.max_entries,
        };
        Ok(Self { fd, id: info.id, info: info_out })
    }

    pub fn info(&self) -> &MapInfo {
        &self.info
    }

    pub fn id(&self) -> u32 {
        self.id
    }

    pub fn lookup(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        if self.is_per_cpu() {
            return Err(Fault::usage(Stage::Map, format!("map {}: has a value per CPU, use lookupPerCpu", self.info.name)));
        }
        self.lookup_raw(key, self.info.value_size as usize)
    }

    pub fn lookup_per_cpu(&self, key: &[u8]) -> Result<Option<Vec<Vec<u8>>>> {
        if !self.is_per_cpu() {
            return Err(Fault::usage(Stage::Map, format!("map {}: has one value for all CPUs, use lookup", self.info.name)));
        }
        let size = self.info.value_size as usize;
        let stride = size.next_multiple_of(8);
        let bytes = self.lookup_raw(key, stride * possible_cpus()?)?;
        Ok(bytes.map(|bytes| bytes.chunks_exact(stride).map(|value| value[..size].to_vec()).collect()))
    }

    fn lookup_raw(&self, key: &[u8], size: usize) -> Result<Option<Vec<u8>>> {
        self.check("key", key, self.info.key_size)?;
        let mut value = vec![0_u8; size];
        // SAFETY: key and value have the sizes that the kernel will read and write for this map.
        let ret = unsafe { sys::bpf_map_lookup_elem(self.fd.as_raw_fd(), key.as_ptr().cast(), value.as_mut_ptr().cast()) };
        match ret {
            0.. => Ok(Some(value)),
            ret if ret == -libc::ENOENT => Ok(None),
            ret => Err(Fault::os(Stage::Map, ret, format!("map {}: lookup failed", self.info.name))),
        }
    }

    /// In a per-CPU map `value` is one value per possible CPU, each padded to 8 bytes, or one value for all of them.
    pub fn update(&self, key: &[u8], value: &[u8], flags: u64) -> Result<()> {
        self.check("key", key, self.info.key_size)?;
        let spread;
        let value = if self.is_per_cpu() {
            self.check("value", value, self.info.value_size)?;
            let mut one = value.to_vec();
            one.resize(value.len().next_multiple_of(8), 0);
            spread = one.repeat(possible_cpus()?);
            &spread
        } else {
            self.check("value", value, self.info.value_size)?;
            value
        };
        // SAFETY: key and value have the sizes that the kernel will read for this map.
        let ret = unsafe { sys::bpf_map_update_elem(self.fd.as_raw_fd(), key.as_ptr().cast(), value.as_ptr().cast(), flags) };
        if ret < 0 {
            return Err(Fault::os(Stage::Map, ret, format!("map {}: update failed", self.info.name)));
        }
        Ok(())
    }

    pub fn delete(&self, key: &[u8]) -> Result<bool> {
        self.check("key", key, self.info.key_size)?;
        // SAFETY: key has the size that the kernel will read for this map.
        let ret = unsafe { sys::bpf_map_delete_elem(self.fd.as_raw_fd(), key.as_ptr().cast()) };
        match ret {
            0.. => Ok(true),
            ret if ret == -libc::ENOENT => Ok(false),
            ret => Err(Fault::os(Stage::Map, ret, format!("map {}: delete failed", self.info.name))),
        }
    }

    /// Each key once. A walk over a map that changes meanwhile may start over: it is bounded and may miss keys then.
    pub fn keys(&self) -> Result<Vec<Vec<u8>>> {
        let size = self.info.key_size as usize;
        let mut seen = HashSet::new();
        let mut keys = Vec::new();
        let mut current: Option<Vec<u8>> = None;
        for _ in 0..(self.info.max_entries as u64).saturating_mul(4).saturating_add(16) {
            let mut next = vec![0_u8; size];
            let from = current.as_ref().map_or(ptr::null(), |key| key.as_ptr().cast::<c_void>());
            // SAFETY: `from` is null or a key, `next` has room for a key.
            let ret = unsafe { sys::bpf_map_get_next_key(self.fd.as_raw_fd(), from, next.as_mut_ptr().cast()) };
            if ret == -libc::ENOENT {
                break;
            }
            if ret < 0 {
                return Err(Fault::os(Stage::Map, ret, format!("map {}: cannot walk its keys", self.info.name)));
            }
            if seen.insert(next.clone()) {
                keys.push(next.clone());
            }
            current = Some(next);
        }
        Ok(keys)
    }

    /// Each key with its value, back to back, by few calls of the kernel. An entry that is put in or taken out meanwhile may be there or not.
    pub fn entries(&self) -> Result<Vec<u8>> {
        if !matches!(self.info.kind, sys::BPF_MAP_TYPE_HASH | sys::BPF_MAP_TYPE_LRU_HASH | sys::BPF_MAP_TYPE_ARRAY) {
            return Err(Fault::usage(Stage::Map, format!("map {}: only hash tables and arrays are read as a whole ({})", self.info.name, self.info)));
        }
        let (key_size, value_size) = (self.info.key_size as usize, self.info.value_size as usize);
        let mut room = self.info.max_entries.min(BATCH);
        let mut packed = Vec::new();
        // Where to go on, as the kernel says it: a bucket's number, or a key.
        let mut from = vec![0_u8; key_size.max(4)];
        let mut next = from.clone();
        let mut is_first = true;
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        let options = sys::bpf_map_batch_opts { sz: size_of::<sys::bpf_map_batch_opts>() as _, ..Default::default() };
        loop {
            keys.resize(room as usize * key_size, 0_u8);
            values.resize(room as usize * value_size, 0_u8);
            let mut count = room;
            let start = if is_first { ptr::null_mut() } else { from.as_mut_ptr().cast::<c_void>() };
            // SAFETY: `start` is null or what the kernel gave, `keys` and `values` have room for `count` of them.
            let ret = unsafe {
                sys::bpf_map_lookup_batch(
                    self.fd.as_raw_fd(),
                    start,
                    next.as_mut_ptr().cast(),
                    keys.as_mut_ptr().cast(),
                    values.as_mut_ptr().cast(),
                    &mut count,
                    &options,
                )
            };
            if ret == -libc::ENOSPC && room < MOST_IN_BUCKET {
                // The bucket where it goes on holds more than that.
                room *= 2;
                continue;
            }
            if ret < 0 && ret != -libc::ENOENT {
                return Err(Fault::os(Stage::Map, ret, format!("map {}: cannot read its entries", self.info.name)));
            }
            packed.reserve(count as usize * (key_size + value_size));
            for (key, value) in keys.chunks_exact(key_size).zip(values.chunks_exact(value_size)).take(count as usize) {
                packed.extend_from_slice(key);
                packed.extend_from_slice(value);
            }
            if ret == -libc::ENOENT {
                return Ok(packed);
            }
            mem::swap(&mut from, &mut next);
            is_first = false;
        }
    }

    fn is_per_cpu(&self) -> bool {
        matches!(
            self.info.kind,
            sys::BPF_MAP_TYPE_PERCPU_HASH
                | sys::BPF_MAP_TYPE_PERCPU_ARRAY
                | sys::BPF_MAP_TYPE_LRU_PERCPU_HASH
                | sys::BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE
        )
    }

    fn check(&self, what: &str, bytes: &[u8], size: u32) -> Result<()> {
        if bytes.len() == size as usize {
            return Ok(());
        }
        Err(Fault::usage(Stage::Map, format!("map {}: {what} has {} bytes, must have {size}", self.info.name, bytes.len())))
    }
}

impl AsFd for Map {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn possible_cpus() -> Result<usize> {
    libbpf_rs::num_possible_cpus().map_err(|e| Fault::libbpf(Stage::Map, &e, "cannot count the possible CPUs"))
}
