//! Do the pretenders behave? Each of them is spoken to over the wire that it is made for.

#[cfg(test)]
mod http;
#[cfg(test)]
mod stdio;
#[cfg(test)]
mod wire;
