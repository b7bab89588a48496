// SPDX-License-Identifier: Apache-2.0
fn main() {
    println!("cargo:rerun-if-changed=shim");
    cc::Build::new()
        .files(["shim/ring.c", "shim/poll.c"])
        .include("shim")
        .std("gnu11")
        .warnings(true)
        .warnings_into_errors(false)
        .flag("-fvisibility=hidden")
        .compile("obi_shim");
    napi_build::setup();
}
