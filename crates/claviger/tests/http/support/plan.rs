//! Which door does the test want? A configuration in the making.

use std::path::Path;

use testkit::fixture::Era;

use super::{Door, Finished, Fixture, Issuer, fixture_program};

/// A door that is not open yet: one server called `fixture`, and an issuer whose tokens it takes.
pub(crate) struct Plan {
    pub(crate) server: String,
    pub(crate) accept: Option<String>,
    pub(crate) sections: String,
    pub(crate) arguments: Vec<String>,
    pub(crate) variables: Vec<(String, String)>,
    pub(crate) fixture: Option<Fixture>,
    pub(crate) issuer: Issuer,
}

impl Plan {
    /// Before a server with this lines in its `[servers.fixture]`.
    pub(crate) fn of_server(lines: &str) -> Self {
        Self {
            server: format!("{lines}\n"),
            accept: None,
            sections: String::new(),
            arguments: ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"].map(str::to_owned).into(),
            variables: Vec::new(),
            fixture: None,
            issuer: Issuer::start(),
        }
    }

    /// Before the fixture, over HTTP.
    pub(crate) async fn new(era: Era) -> Self {
        let fixture = Fixture::start(era).await;
        Self { fixture: Some(fixture), ..Self::of_server("") }.with_url()
    }

    /// Before the fixture in both eras.
    pub(crate) async fn both() -> Self {
        Self::new(Era::Both).await
    }

    /// Before the fixture as a child process.
    pub(crate) fn stdio(era: &str) -> Self {
        let program = fixture_program();
        Self::of_server(&format!("command = [{:?}, \"--stdio\", \"--era\", {era:?}]", program.to_str().unwrap()))
    }

    /// Before any upstream at this URL that speaks the era.
    pub(crate) fn before(url: &str, protocol: &str) -> Self {
        Self::of_server(&format!("url = {url:?}\nprotocol = {protocol:?}"))
    }

    fn with_url(mut self) -> Self {
        let url = self.fixture.as_ref().map(|fixture| fixture.url.clone()).unwrap_or_default();
        self.server = format!("url = {url:?}\n");
        self
    }

    /// What tools, prompts and resources ask for: the inside of a TOML inline table.
    pub(crate) fn scopes(self, table: &str) -> Self {
        self.line(&format!("scopes = {{ {table} }}"))
    }

    /// A further line of `[servers.fixture]`.
    pub(crate) fn line(mut self, line: &str) -> Self {
        self.server.push_str(line);
        self.server.push('\n');
        self
    }

    /// A further section.
    pub(crate) fn section(mut self, toml: &str) -> Self {
        self.sections.push_str(toml);
        self.sections.push('\n');
        self
    }

    /// Who may come in, in place of the issuer; the placeholder `ISSUER` is replaced.
    pub(crate) fn accept(mut self, toml: &str) -> Self {
        self.accept = Some(toml.replace("ISSUER", &self.issuer.url()));
        self
    }

    /// This issuer in place of a fresh one.
    pub(crate) fn issuer(mut self, issuer: Issuer) -> Self {
        self.issuer = issuer;
        self
    }

    /// A further argument of `claviger serve`.
    pub(crate) fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// A variable of the door's environment.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The text of `claviger.toml`.
    pub(crate) fn toml(&self) -> String {
        let accept = self.accept.clone().unwrap_or_else(|| format!("[[accept]]\nissuer = {:?}\n", self.issuer.url()));
        let timeouts = if self.sections.contains("[timeouts]") { "" } else { "[timeouts]\ndrain = \"10s\"\n" };
        format!("{accept}\n[servers.fixture]\n{}\n{timeouts}\n{}", self.server, self.sections)
    }

    /// Opens the door.
    pub(crate) async fn open(self) -> Door {
        Door::of(self, tempfile::tempdir().unwrap()).await
    }

    /// Opens the door, or says how it ended instead.
    pub(crate) async fn try_open(self) -> Result<Door, Finished> {
        Door::try_of(self, tempfile::tempdir().unwrap()).await
    }

    /// Opens the door in a folder that another one left.
    pub(crate) async fn open_again(self, folder: tempfile::TempDir) -> Door {
        Door::of(self, folder).await
    }

    pub(crate) fn write(&self, folder: &Path) {
        std::fs::write(folder.join("claviger.toml"), self.toml()).unwrap();
    }
}
