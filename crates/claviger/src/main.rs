//! `claviger`: the key-keeper at the door of MCP servers.

use std::process::ExitCode;

use mimalloc::MiMalloc;
use zeroizing_alloc::ZeroAlloc;

/// Wipes what is let go: other people's code, such as the HTTP client and the starter of programs, copies credentials and does not wipe them.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<MiMalloc> = ZeroAlloc(MiMalloc);

fn main() -> ExitCode {
    claviger::main()
}
