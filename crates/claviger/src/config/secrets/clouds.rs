//! How do we ask the clouds? `[secrets.aws]`, `[secrets.azure]` and `[secrets.gcp]`, and what is asked by them.

use std::net::IpAddr;
use std::path::Path as FilePath;

use broker::Clock;
use broker::reference::Kind;
#[cfg(feature = "aws")]
use broker::source::aws::{self, Aws};
#[cfg(feature = "azure")]
use broker::source::azure::{self, Azure};
use broker::source::gcp::{self, Gcp};
use broker::source::{Environment, Sources};
use outbound::client::LazyClient;
use outbound::guard::Guard;
use outbound::tls::Roots;
use url::{Host, Url};

use super::super::file;
use super::super::judge::Judge;
use super::super::server::is_local;
use super::super::tree::Path;

/// How to ask them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clouds {
    #[cfg(feature = "aws")]
    aws: aws::Settings,
    #[cfg(feature = "azure")]
    azure: azure::Settings,
    gcp: gcp::Settings,
}

impl Clouds {
    /// Reads their sections; relative paths start at the folder.
    pub(super) fn read(written: &file::Secrets, folder: &FilePath, judge: &mut Judge<'_>) -> Self {
        let mut reader = Reader { judge };
        Self {
            #[cfg(feature = "aws")]
            aws: aws::Settings {
                region: reader.name("aws", "region", written.aws.region.as_ref(), "a region is written like `eu-central-1`"),
                endpoint: reader.url("aws", written.aws.endpoint.as_ref()),
                profile: written.aws.profile.as_deref().map(Into::into),
            },
            #[cfg(feature = "azure")]
            azure: azure::Settings {
                suffix: reader.name("azure", "suffix", written.azure.suffix.as_ref(), "a domain is written like `vault.azure.net`"),
                endpoint: reader.url("azure", written.azure.endpoint.as_ref()),
            },
            gcp: gcp::Settings {
                endpoint: reader.url("gcp", written.gcp.endpoint.as_ref()),
                credentials: written.gcp.credentials.as_ref().map(|path| folder.join(path)),
            },
        }
    }

    /// These sources and the clouds, as whom the environment says. Nothing is asked before a reference is resolved.
    pub(super) fn add_to(&self, sources: Sources, variables: &Environment, clock: &Clock) -> Sources {
        let client = LazyClient::new(guard(variables), Roots::default());
        #[cfg(feature = "aws")]
        let sources = sources.with(Kind::Aws, Aws::new(self.aws.clone(), client.clone()));
        #[cfg(feature = "azure")]
        let sources = sources.with(Kind::Azure, Azure::new(self.azure.clone(), variables, client.clone()));
        sources.with(Kind::Gcp, Gcp::new(self.gcp.clone(), variables, client, Clock::clone(clock)))
    }
}

struct Reader<'r, 'j> {
    judge: &'r mut Judge<'j>,
}

impl Reader<'_, '_> {
    /// Part of a host's name: letters, digits, `-` and `.`, and no dot at an end.
    #[cfg(any(feature = "aws", feature = "azure"))]
    fn name(&mut self, section: &str, key: &str, written: Option<&String>, what: &str) -> Option<Box<str>> {
        let text = written?;
        let fits = |label: &str| !label.is_empty() && label.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'-');
        if text.len() <= 253 && text.split('.').all(fits) {
            return Some(text.as_str().into());
        }
        self.judge.blame(&at(section, key), what);
        None
    }

    /// What secrets come over must be a URL that nobody listens in on.
    fn url(&mut self, section: &str, written: Option<&String>) -> Option<Box<str>> {
        let path = at(section, "endpoint");
        let url = self.judge.accept(&path, Url::parse(written?))?;
        let is_plain = url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
        match url.scheme() {
            "https" | "http" if !is_plain => self.judge.blame(&path, "a URL without user, `?` or `#` is expected"),
            "https" => return Some(url.as_str().trim_end_matches('/').into()),
            "http" if is_local(&url) => return Some(url.as_str().trim_end_matches('/').into()),
            _ => self.judge.blame_with_hint(&path, "plain http is for servers on this machine", "write `https://`"),
        }
        None
    }
}

fn at(section: &str, key: &str) -> Path {
    Path::default().key("secrets").key(section).key(key)
}

/// What calls to clouds may reach. Azure's App Service gives its identities at an address of its own choice, which only the environment tells.
fn guard(variables: &Environment) -> Guard {
    let mut guard = Guard::for_cloud();
    let url = variables.variable("IDENTITY_ENDPOINT").and_then(|url| Url::parse(url).ok());
    let address = match url.as_ref().and_then(Url::host) {
        Some(Host::Ipv4(address)) => Some(IpAddr::from(address)),
        Some(Host::Ipv6(address)) => Some(IpAddr::from(address)),
        _ => None,
    };
    guard.plain.extend(address);
    guard
}

#[cfg(all(feature = "aws", feature = "azure"))]
#[cfg(test)]
mod tests {
    use super::super::super::fault::Faults;
    use super::*;

    fn read(text: &str) -> (Clouds, Vec<String>) {
        let file: file::File = toml_edit::de::from_str(text).unwrap();
        let mut faults = Faults::default();
        let clouds = Clouds::read(&file.secrets, FilePath::new("/etc/claviger"), &mut Judge::new(None, &mut faults));
        (clouds, faults.messages().into_iter().map(str::to_owned).collect())
    }

    #[test]
    fn what_is_written_is_taken() {
        let (clouds, faults) = read(
            "[secrets.aws]\nregion = \"eu-central-1\"\nendpoint = \"http://127.0.0.1:5000/\"\nprofile = \"door\"\n\
             [secrets.azure]\nsuffix = \"vault.azure.cn\"\n[secrets.gcp]\ncredentials = \"gcp.json\"\n",
        );
        assert_eq!(faults, Vec::<String>::new());
        assert_eq!(clouds.aws.region.as_deref(), Some("eu-central-1"));
        assert_eq!(clouds.aws.endpoint.as_deref(), Some("http://127.0.0.1:5000"));
        assert_eq!(clouds.aws.profile.as_deref(), Some("door"));
        assert_eq!((clouds.azure.suffix.as_deref(), clouds.azure.endpoint), (Some("vault.azure.cn"), None));
        assert_eq!(clouds.gcp.credentials.as_deref(), Some(FilePath::new("/etc/claviger/gcp.json")));
    }

    #[test]
    fn places_where_secrets_would_go_astray_are_blamed() {
        let (clouds, faults) = read(
            "[secrets.aws]\nregion = \"eu central\"\nendpoint = \"http://vault.example\"\n\
             [secrets.azure]\nsuffix = \".evil/\"\nendpoint = \"https://a@b/\"\n[secrets.gcp]\nendpoint = \"file:///x\"\n",
        );
        assert_eq!(clouds, Clouds::default());
        assert_eq!(
            faults,
            [
                "`secrets.aws.region`: a region is written like `eu-central-1`",
                "`secrets.aws.endpoint`: plain http is for servers on this machine",
                "`secrets.azure.suffix`: a domain is written like `vault.azure.net`",
                "`secrets.azure.endpoint`: a URL without user, `?` or `#` is expected",
                "`secrets.gcp.endpoint`: plain http is for servers on this machine",
            ]
        );
    }

    #[test]
    fn the_address_of_app_service_is_admitted_and_a_name_is_not() {
        let with = |url: &str| guard(&[("IDENTITY_ENDPOINT".to_owned(), url.to_owned())].into_iter().collect());
        assert!(with("http://169.254.129.3:8081/msi/token").admit("http://169.254.129.3:8081/msi/token").is_ok());
        assert_eq!(with("http://intranet.example/"), Guard::for_cloud());
    }
}
