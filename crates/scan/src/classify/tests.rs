use super::{Class, classify};

fn class(name: &str, value: &str) -> Class {
    classify(name, value).class
}

#[test]
fn every_way_to_refer_is_a_reference() {
    for value in [
        "${GITHUB_TOKEN}",
        "Bearer ${input:token}",
        "${env:X}",
        "$TOKEN",
        "$(security find-generic-password -s x -w)",
        "%TOKEN%",
        "{{ secrets.TOKEN }}",
        "{env:TOKEN}",
        "op://Dev/item/field",
        "vault://secret/data/x#y",
        "keychain:a/b",
        "azurekv://v/s",
        "arn:aws:secretsmanager:eu-west-1:1:secret:x",
        "${X:-}",
    ] {
        assert_eq!(class("API_TOKEN", value), Class::Reference, "{value}");
    }
}

#[test]
fn placeholders_are_known_in_many_languages_and_behind_prefixes() {
    for value in [
        "your-api-key",
        "YOUR_KEY_HERE",
        "sk-your-key-here",
        "sk_test_your_stripe_secret_key_here",
        "REMPLACEZ_PAR_VOTRE_CLE",
        "REEMPLAZAR_CON_TU_CLAVE",
        "<TOKEN>",
        "...",
        "ntn_****",
        "ACTUAL_API_KEY",
        "not-needed-lite-proxy",
        "DUMMY",
        "change-me-to-a-random-secret",
        "{secret}",
        "ваш_токен",
        "你的密钥",
        "sk-1234567890abcdef1234567890abcdef",
        "api-key",
        "my_token",
        "xoxb-xxxxxxxxxxxx",
        "DEIN_TOKEN",
    ] {
        assert_eq!(class("API_KEY", value), Class::Placeholder, "{value}");
    }
}

#[test]
fn what_a_machine_made_is_live() {
    for (name, value) in [
        ("API_KEY", "ade08c495b50c8857dbeccfa6352434b25bdaf17fc3c42a4"),
        ("TOKEN", "8x8e0Z5O4xPc7gHg9b"),
        ("--key", "ebaec201-1b92-4386-a8d0-898e5828982d"),
        ("ODOO_PASSWORD", "Tdvw7428&Sdgh"),
        ("DB_PASSWORD", "JkloNZNWZXlUCvULnPZ6d3O"),
        ("API_SECRET", "uj5nzJkkuogqpCsxEkO4T4FCdFijIggrk+NNmKkddJ+iam5/7pkcBSaiEFvJ2N5sME4T=="),
    ] {
        assert_eq!(class(name, value), Class::LiveLooking, "{value}");
    }
}

#[test]
fn what_is_beside_a_secret_is_none() {
    assert_eq!(class("GOOGLE_CREDENTIALS_FILE", "/home/x/y-0a1b2c3d4e5f.json"), Class::FileOrName);
    assert_eq!(class("SLACK_TEAM_ID", "T0REEV4Y7I0"), Class::FileOrName);
    assert_eq!(class("CLERK_KEY", "pk_test_mN3ztKHuDBgmVsQkDAFqJdKaV321msWwQ"), Class::Publishable);
    assert_eq!(class("MYSQL_PASSWORD", "root"), Class::WeakDefault);
    assert_eq!(class("LOG_LEVEL", "info"), Class::FileOrName);
}
