//! What the gateway does with real processes.

#[cfg(test)]
mod children;
#[cfg(test)]
mod death;
#[cfg(test)]
mod world;
