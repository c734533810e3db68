//! Where is a secret kept? In pages of its own: wiped when let go, kept out of swap and out of core dumps where the system allows.

use std::fmt;
use std::io;
use std::sync::Once;

use memmap2::MmapMut;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroize as _;

/// A secret text for as long as it is kept. Prints nothing of it. Each takes at least one page of memory, so it is for what is kept and not for what
/// passes through.
pub struct Value {
    pages: MmapMut,
    length: usize,
}

impl Value {
    /// Copies the text into pages of its own; the caller wipes where it came from. Fails when the system has no memory.
    pub fn new(text: &str) -> io::Result<Self> {
        let mut pages = MmapMut::map_anon(text.len().max(1))?;
        #[cfg(target_os = "linux")]
        pages.advise(memmap2::Advice::DontDump)?;
        #[cfg(unix)]
        if let Err(error) = pages.lock() {
            SAID.call_once(|| {
                tracing::warn!(%error, "the system does not let secrets be kept out of swap; raise the limit of locked memory (`ulimit -l`)");
            });
        }
        if let Some(place) = pages.get_mut(..text.len()) {
            place.copy_from_slice(text.as_bytes());
        }
        Ok(Self { pages, length: text.len() })
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        self.pages.get(..self.length).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl PartialEq for Value {
    /// In constant time for texts of one length.
    fn eq(&self, other: &Self) -> bool {
        self.expose().as_bytes().ct_eq(other.expose().as_bytes()).into()
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Value(…)")
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.pages.zeroize();
    }
}

/// The warning is said once.
static SAID: Once = Once::new();

#[cfg(test)]
mod tests {
    use super::Value;

    #[test]
    fn the_text_comes_back_and_is_not_printed() {
        for text in ["", "a", "hunter2", &"ä".repeat(5000)] {
            let value = Value::new(text).unwrap();
            assert_eq!(value.expose(), text);
            assert_eq!(format!("{value:?}"), "Value(…)");
            assert_eq!(value, Value::new(text).unwrap());
        }
        assert_ne!(Value::new("hunter2").unwrap(), Value::new("hunter3").unwrap());
    }

    /// Linux says of every mapping whether it is locked (`lo`) and left out of dumps (`dd`).
    #[cfg(target_os = "linux")]
    #[test]
    fn its_pages_are_locked_and_left_out_of_core_dumps() {
        let value = Value::new("hunter2").unwrap();
        let address = value.expose().as_ptr().addr();
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut lines = maps.lines().skip_while(|line| {
            let range = line.split(' ').next().and_then(|range| range.split_once('-'));
            let bounds = range.and_then(|(from, to)| Some((usize::from_str_radix(from, 16).ok()?, usize::from_str_radix(to, 16).ok()?)));
            !bounds.is_some_and(|(from, to)| (from..to).contains(&address))
        });
        let flags = lines.find(|line| line.starts_with("VmFlags:")).unwrap();
        assert!(flags.split(' ').any(|flag| flag == "dd"), "{flags}");
        assert!(flags.split(' ').any(|flag| flag == "lo"), "{flags}");
    }
}
