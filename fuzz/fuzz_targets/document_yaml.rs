//! Does every value of YAML keep its place, and every secret its cover?

#![no_main]

use claviger_fuzz::documents;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| documents::hold("config.yaml", text));
