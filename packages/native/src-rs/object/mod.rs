// SPDX-License-Identifier: Apache-2.0
//! BPF objects in their two phases: opened (parsed, adjustable) and loaded (in the kernel). `load` consumes the first.

mod loaded;
mod opened;
mod program;
mod uprobe;

use std::ffi::OsStr;

use crate::error::Fault;
use crate::error::Stage;
use crate::log::Said;

pub use loaded::Loaded;
pub use loaded::Uprobe;
pub use opened::Opened;

fn no_such(stage: Stage, object: &str, what: &str, name: &str) -> Fault {
    Fault::usage(stage, format!("object {object}: it has no {what} named {name}"))
}

fn with_hint(message: String, said: &Said) -> String {
    match said.hint() {
        Some(hint) => format!("{message} ({hint})"),
        None => message,
    }
}

fn text(name: &OsStr) -> String {
    name.to_string_lossy().into_owned()
}
