//! Does a seal keep, and is the instance key kept to its owner?

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

#[test]
fn what_is_sealed_for_one_owner_opens_for_no_other() {
    let instance = InstanceKey::from_bytes(&[7; InstanceKey::BYTES]);
    let of = |owner| Sealer::of_owner(&instance, "grant", owner).unwrap();
    let sealed = of("alice").seal(b"token", b"").unwrap();
    assert_eq!(&**of("alice").open(&sealed, b"").unwrap(), b"token");
    assert_eq!(of("bob").open(&sealed, b"").unwrap_err(), NotOurs);
    assert_eq!(Sealer::of_owner(&instance, "session", "alice").unwrap().open(&sealed, b"").unwrap_err(), NotOurs);
    assert_eq!(Sealer::new(&instance, "grant").unwrap().open(&sealed, b"").unwrap_err(), NotOurs);
}

proptest! {
    #[test]
    fn what_is_sealed_opens_to_itself(
        plaintext in vec(any::<u8>(), 0..300),
        context in vec(any::<u8>(), 0..40),
    ) {
        let sealer = sealer("session");
        let sealed = sealer.seal(&plaintext, &context).unwrap();
        prop_assert_eq!(&*sealer.open(&sealed, &context).unwrap(), &plaintext);
        prop_assert!(sealed.bytes().all(|byte| byte.is_ascii_graphic()));
        prop_assert_eq!(sealed.len(), ((plaintext.len() + 29) * 4).div_ceil(3));
    }

    #[test]
    fn any_changed_bit_is_noticed(
        plaintext in vec(any::<u8>(), 0..100),
        place in any::<prop::sample::Index>(),
        bit in 0_u32..8,
    ) {
        let sealer = sealer("session");
        let sealed = sealer.seal(&plaintext, b"context").unwrap();
        let mut bytes = URL_SAFE_NO_PAD.decode(&sealed).unwrap();
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        let changed = URL_SAFE_NO_PAD.encode(bytes);
        prop_assert_eq!(sealer.open(&changed, b"context").unwrap_err(), NotOurs);
    }

    #[test]
    fn any_changed_character_is_noticed(
        place in any::<prop::sample::Index>(),
        character in "[ -~]",
    ) {
        let sealer = sealer("session");
        let sealed = sealer.seal(b"plaintext", b"context").unwrap();
        let place = place.index(sealed.len());
        let mut changed = sealed.clone();
        changed.replace_range(place..=place, &character);
        prop_assume!(changed != sealed);
        prop_assert!(sealer.open(&changed, b"context").is_err());
    }

    #[test]
    fn another_context_does_not_open(context in ".{0,20}", other in ".{0,20}") {
        prop_assume!(context != other);
        let sealer = sealer("session");
        let sealed = sealer.seal(b"plaintext", context.as_bytes()).unwrap();
        prop_assert!(sealer.open(&sealed, other.as_bytes()).is_err());
    }

    #[test]
    fn arbitrary_text_does_not_open(text in ".{0,200}") {
        prop_assert!(sealer("session").open(&text, b"").is_err());
    }
}

#[test]
fn another_purpose_or_another_instance_does_not_open() {
    let sealed = sealer("session").seal(b"plaintext", b"").unwrap();
    assert!(sealer("refresh").open(&sealed, b"").is_err());
    let elsewhere = Sealer::new(&InstanceKey::from_bytes(&[8; 32]), "session").unwrap();
    assert!(elsewhere.open(&sealed, b"").is_err());
}

#[test]
fn a_cut_or_lengthened_text_does_not_open() {
    let sealer = sealer("session");
    let sealed = sealer.seal(b"plaintext", b"").unwrap();
    for end in 0..sealed.len() {
        assert!(sealer.open(&sealed[..end], b"").is_err());
    }
    assert!(sealer.open(&format!("{sealed}A"), b"").is_err());
    assert!(sealer.open(&format!("{sealed}="), b"").is_err());
}

#[test]
fn the_same_plaintext_is_sealed_differently_each_time() {
    let sealer = sealer("session");
    assert_ne!(sealer.seal(b"plaintext", b""), sealer.seal(b"plaintext", b""));
}

#[test]
fn the_largest_plaintext_is_sealed_and_a_larger_one_refused() {
    let sealer = sealer("session");
    let sealed = sealer.seal(&vec![0; PLAINTEXT_BYTES], b"").unwrap();
    assert_eq!(sealer.open(&sealed, b"").unwrap().len(), PLAINTEXT_BYTES);
    assert_eq!(sealer.seal(&vec![0; PLAINTEXT_BYTES + 1], b""), Err(CannotSeal));
    assert!(sealer.open(&"A".repeat(SEALED_CHARACTERS + 1), b"").is_err());
}

#[test]
fn a_new_key_is_kept_for_its_owner_and_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state/instance.key");
    let (created, origin) = InstanceKey::load_or_create(&path).unwrap();
    assert_eq!(origin, Origin::Created);
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    assert_eq!(fs::read(&path).unwrap().len(), InstanceKey::BYTES);
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);

    let (loaded, origin) = InstanceKey::load_or_create(&path).unwrap();
    assert_eq!(origin, Origin::Loaded);
    assert_eq!(*created.derive("label", "context"), *loaded.derive("label", "context"));

    let (other, _) = InstanceKey::load_or_create(&folder.path().join("other.key")).unwrap();
    assert_ne!(*created.derive("label", "context"), *other.derive("label", "context"));
}

#[test]
fn many_starters_at_once_get_one_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("instance.key");
    let starters: Vec<_> = (0..8)
        .map(|_| {
            let path = path.clone();
            std::thread::spawn(move || InstanceKey::load_or_create(&path).unwrap())
        })
        .collect();
    let keys: Vec<_> = starters.into_iter().map(|starter| starter.join().unwrap()).collect();
    assert_eq!(keys.iter().filter(|(_, origin)| *origin == Origin::Created).count(), 1);
    for (key, _) in &keys {
        assert_eq!(*key.derive("label", ""), *keys[0].0.derive("label", ""));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_key_that_others_may_read_is_refused_with_the_mend() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("instance.key");
    InstanceKey::load_or_create(&path).unwrap();
    for open in [0o640, 0o604, 0o620, 0o601] {
        fs::set_permissions(&path, Permissions::from_mode(open)).unwrap();
        let refused = InstanceKey::load_or_create(&path).err().unwrap();
        assert!(matches!(refused, KeyFileFailure::TooOpen { mode, .. } if mode == open));
        assert!(refused.to_string().contains(&format!("chmod 600 {}", path.display())));
    }
    fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    assert!(InstanceKey::load_or_create(&path).is_ok());
}

#[test]
fn a_key_of_another_length_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("instance.key");
    for length in [0, 31, 33] {
        fs::write(&path, vec![1; length]).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let refused = InstanceKey::load_or_create(&path).err().unwrap();
        assert!(matches!(refused, KeyFileFailure::WrongLength { .. }));
        assert_eq!(fs::read(&path).unwrap().len(), length);
    }
}

#[test]
fn a_key_that_cannot_be_written_or_read_names_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let below_a_file = folder.path().join("file/instance.key");
    fs::write(folder.path().join("file"), "").unwrap();
    let refused = InstanceKey::load_or_create(&below_a_file).err().unwrap();
    assert!(refused.to_string().contains("file/instance.key"));
}

fn sealer(purpose: &'static str) -> Sealer {
    Sealer::new(&InstanceKey::from_bytes(&[7; 32]), purpose).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn what_others_compare_is_sealed_to_the_same_text_and_opens_as_ever() {
    let sealer = Sealer::new(&InstanceKey::from_bytes(&[1; 32]), "test").unwrap();
    let (first, second) = (sealer.seal_alike(b"id", b"alice").unwrap(), sealer.seal_alike(b"id", b"alice").unwrap());
    assert_eq!(first, second);
    assert_eq!(sealer.open(&first, b"alice").unwrap().as_slice(), b"id");
    assert!(sealer.open(&first, b"bob").is_err());
    assert_ne!(first, sealer.seal_alike(b"id", b"bob").unwrap());
    assert_ne!(first, sealer.seal_alike(b"other", b"alice").unwrap());
}
