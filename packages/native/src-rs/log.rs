// SPDX-License-Identifier: Apache-2.0
//! What libbpf would print goes here, never to the terminal; errors are explained with it.

use std::cell::RefCell;
use std::sync::Once;

use libbpf_rs::PrintLevel;
use libbpf_rs::set_print;

const KEEP_BYTES: usize = 64 * 1024;
const VERIFIER_TAIL_BYTES: usize = 4096;
const LOG_BEGIN: &str = "-- BEGIN PROG LOAD LOG --";
const LOG_END: &str = "-- END PROG LOAD LOG --";

thread_local! {
    static LINES: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Redirects libbpf's printing. Called before any libbpf function.
pub fn silence() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        set_print(Some((PrintLevel::Info, collect)));
    });
}

fn collect(_level: PrintLevel, text: String) {
    LINES.with_borrow_mut(|lines| {
        if let Some(lines) = lines {
            lines.push(text);
        }
    });
}

/// Runs `work` and returns what libbpf said meanwhile on this thread.
pub fn capture<T>(work: impl FnOnce() -> T) -> (T, Said) {
    LINES.set(Some(Vec::new()));
    let result = work();
    (result, Said { messages: LINES.take().unwrap_or_default() })
}

#[derive(Default)]
pub struct Said {
    messages: Vec<String>,
}

impl Said {
    /// The program that libbpf gave up on.
    pub fn failed_program(&self) -> Option<String> {
        let message = self
            .messages
            .iter()
            .find(|m| m.contains("prog '") && (m.contains(LOG_BEGIN) || m.contains("failed to load") || m.contains("load failed")))?;
        let (_, rest) = message.split_once("prog '")?;
        rest.split('\'').next().map(str::to_owned)
    }

    /// End of the verifier's log, whole lines, at most 4 kB.
    pub fn verifier_log(&self) -> Option<String> {
        let message = self.messages.iter().find(|m| m.contains(LOG_BEGIN))?;
        let (_, rest) = message.split_once(LOG_BEGIN)?;
        let log = rest.split(LOG_END).next().unwrap_or(rest);
        let log = log.trim_matches('\n');
        Some(tail(log, VERIFIER_TAIL_BYTES).to_owned())
    }

    /// The verifier's reason: the last line of its log before the statistics.
    pub fn verdict(&self) -> Option<String> {
        let log = self.verifier_log()?;
        log.lines()
            .rev()
            .map(str::trim)
            .find(|line| {
                !line.is_empty() && !line.starts_with("processed ") && !line.starts_with("verification time ") && !line.starts_with("stack depth ")
            })
            .map(str::to_owned)
    }

    /// libbpf's most telling other line, to go into a message.
    pub fn hint(&self) -> Option<String> {
        self.messages
            .iter()
            .filter(|m| !m.contains(LOG_BEGIN) && !m.contains("failed to load object") && !m.contains("skipping unrecognized"))
            .map(|m| tail(m.trim(), KEEP_BYTES).trim_start_matches("libbpf: ").to_owned())
            .rfind(|m| !m.is_empty())
    }
}

/// The last `limit` bytes of `text`, from the start of a line.
fn tail(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    let mut from = text.len() - limit;
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let cut = &text[from..];
    cut.split_once('\n').map_or(cut, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(messages: &[&str]) -> Said {
        Said { messages: messages.iter().map(|m| (*m).to_owned()).collect() }
    }

    #[test]
    fn verifier_log_is_cut_out_of_libbpfs_frame() {
        let said = said(&[
            "libbpf: prog 'bad': BPF program load failed: Permission denied\n",
            "libbpf: prog 'bad': -- BEGIN PROG LOAD LOG --\n0: R1=ctx()\nR0 !read_ok\nprocessed 1 insns\n-- END PROG LOAD LOG --\n",
            "libbpf: prog 'bad': failed to load: -13\n",
            "libbpf: failed to load object 'x'\n",
        ]);
        assert_eq!(said.failed_program().as_deref(), Some("bad"));
        assert_eq!(said.verifier_log().as_deref(), Some("0: R1=ctx()\nR0 !read_ok\nprocessed 1 insns"));
        assert_eq!(said.verdict().as_deref(), Some("R0 !read_ok"));
        assert_eq!(said.hint().as_deref(), Some("prog 'bad': failed to load: -13"));
    }

    #[test]
    fn only_the_end_of_a_long_log_is_kept() {
        let long: String = (0..2000).map(|i| format!("line {i}\n")).collect();
        let log = said(&[&format!("prog 'p': {LOG_BEGIN}\n{long}{LOG_END}\n")]).verifier_log().unwrap();
        assert!(log.len() <= VERIFIER_TAIL_BYTES && log.starts_with("line ") && log.ends_with("line 1999"));
    }

    #[test]
    fn silence_means_no_log() {
        let said = said(&[]);
        assert!(said.verifier_log().is_none() && said.failed_program().is_none() && said.hint().is_none());
    }
}
