//! `claviger run`, as a person and a service manager see it: the real binary, real programs, real signals.

#[cfg(test)]
mod becoming;
#[cfg(test)]
mod rotation;
#[cfg(test)]
mod signals;
#[cfg(test)]
mod support;
