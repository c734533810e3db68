//! Does the filesystem server keep its promises on the wire? Raw JSON lines over an in-memory pipe, in both eras.

mod confinement;
mod legacy;
mod mixed;
mod modern;
mod peer;
