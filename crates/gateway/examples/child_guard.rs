//! The smallest binary that can guard a child, for the tests: `child_guard child-guard <door pid> -- program args…`.

use std::ffi::OsString;
use std::process::ExitCode;

use claviger_gateway::back::stdio::guard::guard_main;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let [verb, pid, dashes, program, rest @ ..] = arguments.as_slice() else {
        return ExitCode::from(64);
    };
    let door = pid.to_str().and_then(|pid| pid.parse().ok());
    match door {
        Some(door) if verb == "child-guard" && dashes == "--" => guard_main(door, program, rest),
        _ => ExitCode::from(64),
    }
}
