//! `claviger scan`, as other programs see it: what reads its reports, and what watches it from below.

#[cfg(test)]
mod canary;
#[cfg(test)]
mod progress;
#[cfg(test)]
mod sarif;
