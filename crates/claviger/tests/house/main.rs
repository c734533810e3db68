//! The house rules that a compiler does not know: who may lean on whom, and how large a thing may be.

#[cfg(test)]
mod layers;
#[cfg(test)]
mod sizes;
