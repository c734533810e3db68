//! Does the filesystem server keep its promises on the wire? Raw JSON lines over an in-memory pipe, in both eras.

#[cfg(test)]
mod confinement;
#[cfg(test)]
mod legacy;
#[cfg(test)]
mod mixed;
#[cfg(test)]
mod modern;
#[cfg(test)]
mod peer;
