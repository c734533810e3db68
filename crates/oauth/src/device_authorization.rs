//! How does a device without a browser get a person's permission? They type its code on another one. (RFC 8628)

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

/// The code that a person reads on the device and types elsewhere: eight letters, shown as `WDJB-MJHT`.
///
/// The letters are those of RFC 8628 §6.1: no vowels, so that no words come up, and none that is easily taken for another.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UserCode([u8; LETTERS]);

impl UserCode {
    /// The code made of 16 bytes, which must come from a cryptographic source of randomness. All codes come up equally often, to one part in 2^93.
    pub fn from_random(bytes: &[u8; 16]) -> Self {
        let mut rest = u128::from_le_bytes(*bytes);
        Self(std::array::from_fn(|_| {
            let place = rest % ALPHABET.len() as u128;
            rest /= ALPHABET.len() as u128;
            // A remainder is always a place in the alphabet.
            usize::try_from(place).ok().and_then(|place| ALPHABET.get(place)).copied().unwrap_or(b'X')
        }))
    }

    /// Reads what a person typed: in whatever case, with whatever hyphens and spaces.
    pub fn read(typed: &str) -> Result<Self, NotAUserCode> {
        if typed.len() > MAX_TYPED_BYTES {
            return Err(NotAUserCode);
        }
        let is_filler =
            |character: char| character.is_whitespace() || matches!(character, '-' | '.' | '_' | '\u{2010}'..='\u{2015}' | '\u{2212}');
        let mut letters = Vec::with_capacity(LETTERS);
        for character in typed.chars().filter(|character| !is_filler(*character)) {
            let letter = u8::try_from(character.to_ascii_uppercase()).map_err(|_| NotAUserCode)?;
            if !ALPHABET.contains(&letter) {
                return Err(NotAUserCode);
            }
            letters.push(letter);
        }
        letters.try_into().map(Self).map_err(|_| NotAUserCode)
    }
}

/// What was typed is no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a code has eight letters, none of them a vowel")]
pub struct NotAUserCode;

/// As it is shown to people, and under which it is kept.
impl fmt::Display for UserCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, letter) in self.0.iter().enumerate() {
            if place == LETTERS / 2 {
                formatter.write_str("-")?;
            }
            write!(formatter, "{}", char::from(*letter))?;
        }
        Ok(())
    }
}

/// Whoever knows the code could answer for the person, so it is not shown.
impl fmt::Debug for UserCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("UserCode")
    }
}

impl Serialize for UserCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What the device is told (§3.2). It has no `Debug`: the device code is a secret.
#[derive(Serialize)]
pub struct DeviceAuthorization<'a> {
    /// What the device shows at the token endpoint, and nobody else ever sees.
    pub device_code: &'a str,
    /// What the person types.
    pub user_code: &'a UserCode,
    /// Where they type it: short, for they type this too.
    pub verification_uri: &'a str,
    /// The same with the code in it, for a picture that a telephone reads.
    pub verification_uri_complete: String,
    /// Seconds for which both codes are good.
    pub expires_in: u64,
    /// Seconds that the device waits between two questions.
    pub interval: u64,
}

/// What an authorization server has told us, as a device. It has no `Debug`: the device code is a secret.
pub struct Codes {
    /// What we show at the token endpoint.
    pub device_code: SecretString,
    /// What the person types.
    pub user_code: String,
    /// Where they type it.
    pub verification_uri: String,
    /// The same with the code in it, where the server has one.
    pub verification_uri_complete: Option<String>,
    /// For how long both codes are good.
    pub expires_in: Duration,
    /// How long we wait between two questions.
    pub interval: Duration,
}

/// Why an answer gives no codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCodes {
    /// Not the JSON object that RFC 8628 describes.
    #[error("it is not the JSON object that RFC 8628 describes")]
    Malformed,
    /// Nobody could type it.
    #[error("its `user_code` is empty or over {MAX_TYPED_BYTES} bytes")]
    UserCode,
}

impl Codes {
    /// Reads the answer of a device authorization endpoint (§3.2). The caller has limited its size.
    pub fn read(document: &[u8]) -> Result<Self, NoCodes> {
        // What the parser says may quote the code.
        let wire: WireCodes = serde_json::from_slice(document).map_err(|_| NoCodes::Malformed)?;
        if !(1..=MAX_TYPED_BYTES).contains(&wire.user_code.len()) {
            return Err(NoCodes::UserCode);
        }
        Ok(Self {
            device_code: wire.device_code.into(),
            user_code: wire.user_code,
            // Some servers, older than the standard, say `url`.
            verification_uri: wire.verification_uri.or(wire.verification_url).ok_or(NoCodes::Malformed)?,
            verification_uri_complete: wire.verification_uri_complete,
            expires_in: Duration::from_secs(wire.expires_in.min(MAX_SECONDS)),
            interval: Duration::from_secs(wire.interval.unwrap_or(INTERVAL_SECONDS).clamp(1, MAX_INTERVAL_SECONDS)),
        })
    }
}

#[derive(Deserialize)]
struct WireCodes {
    device_code: String,
    user_code: String,
    verification_uri: Option<String>,
    verification_url: Option<String>,
    verification_uri_complete: Option<String>,
    expires_in: u64,
    interval: Option<u64>,
}

impl<'a> DeviceAuthorization<'a> {
    /// The answer with the usual interval.
    pub fn new(device_code: &'a str, user_code: &'a UserCode, verification_uri: &'a str, expires_in: u64) -> Self {
        let verification_uri_complete = format!("{verification_uri}?{USER_CODE}={user_code}");
        Self { device_code, user_code, verification_uri, verification_uri_complete, expires_in, interval: INTERVAL_SECONDS }
    }
}

/// The field of the page where the code is typed.
pub const USER_CODE: &str = "user_code";

/// Seconds that a device waits between two questions, and by which it waits longer after each `slow_down` (§3.5).
pub const INTERVAL_SECONDS: u64 = 5;

const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const LETTERS: usize = 8;
const MAX_TYPED_BYTES: usize = 64;
/// However long a server says: somebody is waiting.
const MAX_SECONDS: u64 = 3600;
const MAX_INTERVAL_SECONDS: u64 = 60;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let code = UserCode::read("WDJB-MJHT").unwrap();
        assert_eq!(code.to_string(), "WDJB-MJHT");
        for typed in ["WDJBMJHT", "wdjb-mjht", " wdjb mjht\n", "W D J B - M J H T", "WDJB\u{2013}MJHT", "WDJB.MJHT"] {
            assert_eq!(UserCode::read(typed), Ok(code.clone()), "{typed}");
        }
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for typed in
            ["", "WDJB-MJH", "WDJB-MJHTT", "WDJB-MJHA", "WDJB-MJH1", "WDJB-MJHY", "WDJB-MJH\u{301}", "WDJB/MJHT", "\u{212a}DJB-MJHT"]
        {
            assert_eq!(UserCode::read(typed), Err(NotAUserCode), "{typed}");
        }
        assert_eq!(UserCode::read(&format!("WDJB{}MJHT", "-".repeat(57))), Err(NotAUserCode));
    }

    #[test]
    fn the_device_is_told_what_to_show_and_the_code_is_not_shown_elsewhere() {
        let code = UserCode::read("WDJBMJHT").unwrap();
        let told = DeviceAuthorization::new("secret", &code, "https://door.example/device", 600);
        assert_eq!(
            serde_json::to_string(&told).unwrap(),
            r#"{"device_code":"secret","user_code":"WDJB-MJHT","verification_uri":"https://door.example/device","verification_uri_complete":"https://door.example/device?user_code=WDJB-MJHT","expires_in":600,"interval":5}"#
        );
        assert!(!format!("{code:?}").contains('W'));
    }

    #[test]
    fn what_a_server_tells_us_is_read_within_reason() {
        let read = |text: &str| Codes::read(text.as_bytes());
        let codes = read(r#"{"device_code":"d","user_code":"AB-CD","verification_uri":"https://h/d","expires_in":99999,"interval":0}"#)
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((codes.user_code.as_str(), codes.verification_uri.as_str()), ("AB-CD", "https://h/d"));
        assert_eq!((codes.expires_in, codes.interval), (Duration::from_secs(3600), Duration::from_secs(1)));
        let older = read(r#"{"device_code":"d","user_code":"A","verification_url":"https://h/d","expires_in":9}"#)
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((older.interval, older.verification_uri_complete), (Duration::from_secs(5), None));
        for (text, why) in [
            ("[]", NoCodes::Malformed),
            (r#"{"device_code":"d","user_code":"A","expires_in":9}"#, NoCodes::Malformed),
            (r#"{"device_code":"d","user_code":"","verification_uri":"https://h/d","expires_in":9}"#, NoCodes::UserCode),
        ] {
            assert_eq!(read(text).err(), Some(why), "{text}");
        }
    }

    #[test]
    fn every_letter_comes_up() {
        let codes: String = (0..=255_u8).map(|byte| UserCode::from_random(&[byte; 16]).to_string()).collect();
        assert!(ALPHABET.iter().all(|letter| codes.contains(char::from(*letter))));
        assert_eq!(UserCode::from_random(&[0; 16]).to_string(), "BBBB-BBBB");
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(bytes: [u8; 16]) {
            let code = UserCode::from_random(&bytes);
            prop_assert_eq!(UserCode::read(&code.to_string()), Ok(code));
        }

        #[test]
        fn nothing_that_is_typed_makes_it_panic(typed in ".{0,80}") {
            let _ = UserCode::read(&typed);
        }
    }
}
