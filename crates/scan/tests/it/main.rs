//! Does the whole judge as a careful reader would? Each class of value, in the ways that people write it.

mod classes;
#[cfg(test)]
mod fixes;
#[cfg(test)]
mod values;
