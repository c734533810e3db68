//! Which one server do the flags speak of? `--demo`, `--url` or a command, in the words of the file.

use std::collections::BTreeMap;

use super::{Drafter, Servers};
use crate::cli::{Era, ServerTransport};
use crate::config::fault::Fault;
use crate::config::server::{self, Dialect, Origin};
use crate::config::tree::Path;
use crate::config::{file, name};

impl Drafter<'_> {
    /// The one server of `--demo`, `--url` or a command.
    pub(super) fn server_of_flags(&mut self, servers: &mut Servers, names: &mut Vec<String>) {
        let arguments = self.arguments;
        let transport = arguments.transport.map(|transport| match transport {
            ServerTransport::Sse => file::Transport::Sse,
            ServerTransport::StreamableHttp => file::Transport::StreamableHttp,
        });
        let (default_name, server) = if arguments.demo {
            ("filesystem".to_owned(), file::Server { builtin: Some(file::Builtin::Filesystem), ..file::Server::default() })
        } else if let Some(url) = &arguments.url {
            (name::of_url(url), file::Server { url: Some(url.to_string()), transport, ..file::Server::default() })
        } else if !arguments.program.is_empty() {
            (name::of_command(&arguments.program), file::Server { command: Some(arguments.program.clone()), ..file::Server::default() })
        } else {
            if arguments.name.is_some() || arguments.protocol.is_some() || !arguments.scopes.is_empty() {
                let what = "`--name`, `--scope` and `--protocol` speak of one server, and none is named";
                self.faults.push(Fault::outside(what).hint("add `--url URL`, `--demo` or `-- COMMAND`"));
            }
            return;
        };
        let scopes = self.scopes_of_flags();
        let protocol = arguments.protocol.map(|era| match era {
            Era::Auto => file::Protocol::Auto,
            Era::Legacy => file::Protocol::Legacy,
            Era::Modern => file::Protocol::Modern,
        });
        let name = arguments.name.clone().unwrap_or(default_name);
        let server = file::Server { scopes, protocol, ..server };
        let path = Path::default().key(if arguments.name.is_some() { "--name" } else { "serve" });
        let origin = Origin { root: None, path, dialect: Dialect::CommandLine, folder: self.around.folder() };
        servers.extend(server::build(&name, &server, &origin, self.around, &mut self.faults, &mut self.literals));
        names.push(name);
    }

    fn scopes_of_flags(&mut self) -> BTreeMap<String, file::Demand> {
        let mut scopes = BTreeMap::new();
        if self.arguments.demo && self.arguments.scopes.is_empty() {
            scopes.insert("*".to_owned(), file::Demand::Text("filesystem:read".to_owned()));
        }
        for text in &self.arguments.scopes {
            // The last `=`: a resource's URI may hold one, a scope hardly ever does.
            let Some((pattern, wanted)) = text.rsplit_once('=') else {
                self.faults.push(
                    Fault::outside(format!("`--scope`: `{text}` has no `=`")).hint("write for example `--scope 'delete_*=docs:write'`"),
                );
                continue;
            };
            let demand = match wanted.trim() {
                "true" => file::Demand::Everybody(true),
                "false" => file::Demand::Everybody(false),
                _ => file::Demand::Text(wanted.to_owned()),
            };
            if scopes.insert(pattern.to_owned(), demand).is_some() {
                self.faults.push(
                    Fault::outside(format!("`--scope`: `{pattern}` is given twice"))
                        .hint("write all its scopes in one, separated by spaces"),
                );
            }
        }
        scopes
    }
}
