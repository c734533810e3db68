//! What is a reference, what is not, and that printing gives back what was read.

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Reference {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn references_are_read() {
    let variable = read("env://GITHUB_TOKEN");
    assert!(matches!(variable.place(), Place::Variable(name) if name.as_str() == "GITHUB_TOKEN"));
    assert_eq!((variable.ttl(), variable.field()), (None, None));
    let file = read("file:///run/secrets/a b.json?ttl=3600#github.token");
    assert!(matches!(file.place(), Place::File(path) if path.as_str() == "/run/secrets/a b.json"));
    assert_eq!((file.ttl(), file.field()), (Some(Duration::from_secs(3600)), Some("github.token")));
    assert!(matches!(read("file://./token").place(), Place::File(path) if path.as_str() == "./token"));
    assert_eq!(Reference::variable("A").unwrap(), read("env://A"));
}

#[test]
fn references_to_vaults_are_read() {
    let Place::Aws(aws) = read("aws-secretsmanager://prod/brave-api-key?region=eu-west-1&version-stage=AWSPREVIOUS&ttl=60").place().clone()
    else {
        panic!("not AWS")
    };
    assert_eq!((&*aws.id, aws.region.as_deref()), ("prod/brave-api-key", Some("eu-west-1")));
    assert_eq!(aws.version, Some(AwsVersion::Stage("AWSPREVIOUS".into())));
    let arn = read("aws-secretsmanager://arn:aws:secretsmanager:us-east-2:123456789012:secret:prod/x-AbCdEf#json.field");
    assert!(matches!(arn.place(), Place::Aws(aws) if aws.region.as_deref() == Some("us-east-2")));
    assert_eq!(arn.field(), Some("json.field"));
    let Place::Vault(vault) = read("vault://team/kv/github#token?version=3").place().clone() else { panic!("not Vault") };
    assert_eq!((&*vault.path, vault.version), ("team/kv/github", Some(3)));
    let version = "0123456789abcdef0123456789ABCDEF";
    let Place::Azure(azure) = read(&format!("azure-keyvault://my-vault/db-password/{version}")).place().clone() else {
        panic!("not Azure")
    };
    assert_eq!((&*azure.vault, &*azure.name, azure.version.as_deref()), ("my-vault", "db-password", Some(version)));
    for text in ["gcp-secretmanager://project-1/key/7", "gcp-secretmanager://projects/project-1/secrets/key/versions/7"] {
        let Place::Gcp(gcp) = read(text).place().clone() else { panic!("not Google") };
        assert_eq!((&*gcp.project, &*gcp.name, gcp.version.as_deref()), ("project-1", "key", Some("7")));
    }
    let Place::Keychain(item) = read("keychain://claviger/brave/work").place().clone() else { panic!("no keychain") };
    assert_eq!((&*item.service, item.account.as_deref()), ("claviger", Some("brave/work")));
}

#[test]
fn a_command_keeps_its_quoted_words() {
    let reference = read(r#"command://op read "op://work/my item/token?attribute=otp" 'a#b' c\ d?ttl=30#password"#);
    assert!(reference.runs_a_program());
    assert_eq!((reference.ttl(), reference.field()), (Some(Duration::from_secs(30)), Some("password")));
    let Place::Command(command) = reference.place() else { panic!("no command") };
    assert_eq!(&*command.program, "op");
    let arguments: Vec<&str> = command.arguments.iter().map(AsRef::as_ref).collect();
    assert_eq!(arguments, ["read", "op://work/my item/token?attribute=otp", "a#b", "c d"]);
}

#[test]
fn options_and_field_come_in_either_order() {
    let one = read("aws-secretsmanager://prod/db#password?ttl=60&region=eu-west-1");
    let other = read("aws-secretsmanager://prod/db?region=eu-west-1&ttl=60#password");
    assert_eq!(one, other);
    assert_ne!(one.to_string(), other.to_string());
}

#[test]
fn the_shorter_lifetime_wins() {
    let minute = || read("vault://kv/a#b?ttl=60");
    assert_eq!(minute().with_ttl("3600").unwrap().to_string(), "vault://kv/a#b?ttl=60");
    assert_eq!(minute().with_ttl("5").unwrap().to_string(), "vault://kv/a?ttl=5#b");
    assert_eq!(read("command://op read 'a#b'").with_ttl("5").unwrap().to_string(), "command://op read 'a#b'?ttl=5");
    assert_eq!(minute().with_ttl("3601"), Err(InvalidReference::Ttl));
    let shorter = minute().with_ttl("5").unwrap();
    assert_eq!(shorter, shorter.to_string().parse().unwrap());
}

#[test]
fn broken_references_are_refused_by_what_is_wrong() {
    let rows = [
        ("env://", InvalidReference::VariableName),
        ("env://1A", InvalidReference::VariableName),
        ("env://A-B", InvalidReference::VariableName),
        ("env://A/B", InvalidReference::VariableName),
        ("env://${A}", InvalidReference::VariableName),
        ("env://Ä", InvalidReference::VariableName),
        ("file://", InvalidReference::PathShape),
        ("file://host/path", InvalidReference::PathShape),
        ("file://~/token", InvalidReference::PathShape),
        ("file://../token", InvalidReference::PathShape),
        ("file:///run/secrets/", InvalidReference::PathShape),
        ("file:///a\0b", InvalidReference::PathShape),
        ("file:///a?ttl=0", InvalidReference::Ttl),
        ("file:///a?ttl=3601", InvalidReference::Ttl),
        ("file:///a?ttl=+60", InvalidReference::Ttl),
        ("file:///a?ttl=060", InvalidReference::Ttl),
        ("file:///a?ttl=", InvalidReference::Ttl),
        ("file:///a?ttl", InvalidReference::OptionShape),
        ("file:///a?ttl=60&ttl=60", InvalidReference::RepeatedOption),
        ("file:///a?version=2", InvalidReference::UnknownOption),
        ("file:///a#", InvalidReference::EmptyField),
        ("file:///a#?ttl=5", InvalidReference::EmptyField),
        ("GITHUB_TOKEN", InvalidReference::NoScheme),
        ("https://idp.example", InvalidReference::NoScheme),
        ("vault://kv/mcp", InvalidReference::FieldMissing),
        ("vault://kv#key", InvalidReference::VaultPath),
        ("vault://kv/../sys/seal#key", InvalidReference::VaultPath),
        ("vault://sys/raw/core/keyring#key", InvalidReference::VaultPath),
        ("vault://auth/token/lookup-self#id", InvalidReference::VaultPath),
        ("vault://kv//a#key", InvalidReference::VaultPath),
        ("vault://kv/%2e%2e/a#key", InvalidReference::VaultPath),
        ("vault://kv/a?version=0#key", InvalidReference::OptionValue { option: "version" }),
        ("aws-secretsmanager://", InvalidReference::AwsName),
        ("aws-secretsmanager://a b", InvalidReference::AwsName),
        ("aws-secretsmanager://arn:aws:s3:::bucket", InvalidReference::AwsName),
        ("aws-secretsmanager://a?region=evil.example/", InvalidReference::OptionValue { option: "region" }),
        ("aws-secretsmanager://a?version-id=1&version-stage=2", InvalidReference::TwoVersions),
        ("azure-keyvault://vault.evil.example/name", InvalidReference::AzureName),
        ("azure-keyvault://my-vault", InvalidReference::AzureName),
        ("azure-keyvault://my-vault/name/1", InvalidReference::AzureName),
        ("gcp-secretmanager://project", InvalidReference::GcpName),
        ("gcp-secretmanager://project/na me", InvalidReference::GcpName),
        ("keychain://", InvalidReference::KeychainName),
        ("keychain://google/", InvalidReference::KeychainName),
        ("command://", InvalidReference::CommandShape),
        ("command://op read 'x", InvalidReference::CommandShape),
        ("command://op read op://a/b?attribute=otp", InvalidReference::UnknownOption),
    ];
    for (text, refusal) in rows {
        assert_eq!(text.parse::<Reference>(), Err(refusal), "{text:?}");
    }
    assert_eq!(format!("env://{}", "A".repeat(256)).parse::<Reference>().err(), None);
    assert_eq!(format!("env://{}", "A".repeat(257)).parse::<Reference>(), Err(InvalidReference::VariableName));
}

#[test]
fn foreign_schemes_are_refused_with_what_to_write_instead() {
    let refusal = "op://vault/item/field".parse::<Reference>().unwrap_err();
    assert_eq!(refusal.to_string(), "`op://` references are read by their own program: `command://op read 'op://VAULT/ITEM/FIELD'`");
    let Some(instead) = refusal.to_string().split('`').nth(3).map(str::to_owned) else { panic!("no proposal") };
    assert!(read(&instead).runs_a_program());
}

proptest! {
    #[test]
    fn what_was_read_prints_as_it_was_written(
        place in prop_oneof![
            "env://[A-Za-z_][A-Za-z0-9_]{0,30}",
            "file://\\.?/[^?#\0]{0,20}[^?#\0/]",
            "keychain://[^?#/\\p{Cc}]{1,20}(/[^?#\\p{Cc}]{1,20})?",
            "aws-secretsmanager://[A-Za-z0-9/_+=.@-]{1,20}",
            "vault://[a-z]{1,5}(/[a-z]{1,5}){1,3}",
            "azure-keyvault://[a-z-]{3,24}/[a-z0-9-]{1,20}",
            "gcp-secretmanager://[a-z-]{1,10}/[a-z_]{1,10}",
            "command://[a-z]{1,5}( [a-z]{1,5}| '[a-z?#]{1,5}'){0,4}",
        ],
        ttl in proptest::option::of(1_u16..=3600),
        field in ".{1,20}",
    ) {
        let ttl = ttl.map(|seconds| format!("?ttl={seconds}")).unwrap_or_default();
        // Without options before it, a field ends at `?`.
        let field = if ttl.is_empty() { field.replace('?', "_") } else { field };
        let text = format!("{place}{ttl}#{field}");
        prop_assert_eq!(text.parse::<Reference>().unwrap().to_string(), text);
    }

    #[test]
    fn any_text_that_is_read_prints_as_it_was_written(text in "(env|file|vault|keychain|command|x)?(://)?[A-Za-z/.?#=0-9' ]{0,20}") {
        if let Ok(reference) = text.parse::<Reference>() {
            prop_assert_eq!(reference.to_string(), text.clone());
            prop_assert_eq!(reference.to_string().parse::<Reference>().unwrap(), reference);
        }
    }

    #[test]
    fn a_shortened_lifetime_reads_back(text in "(env|file|keychain|command)://[A-Za-z/.?#=0-9' ]{0,20}", seconds in 1_u16..=3600) {
        if let Ok(reference) = text.parse::<Reference>() {
            let shortened = reference.with_ttl(&seconds.to_string()).unwrap();
            prop_assert!(shortened.ttl().unwrap().as_secs() <= seconds.into());
            prop_assert_eq!(shortened.to_string().parse::<Reference>().unwrap(), shortened);
        }
    }
}
