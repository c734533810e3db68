//! `claviger setup`, as a person sees it: the real binary, and files as the clients and their people write them.

#[cfg(test)]
mod home;
#[cfg(test)]
mod hosts;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod round_trip;
