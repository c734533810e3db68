//! Does every value of a text that no format explains keep its place, and every secret its cover?

#![no_main]

use claviger_fuzz::documents;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| documents::hold("notes.txt", text));
