//! What is served at which path? Metadata and health need no token; `/mcp/<name>` takes the road through `crate::stack`.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, CACHE_CONTROL, CONTENT_TYPE, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use ipnet::IpNet;

use mcp::header::PARAM_PREFIX;

use crate::annex;
use crate::body::Body;
use crate::config::Mount;
use crate::connect;
use crate::door::Door;
use crate::layers::{body_limit, rescue};
use crate::refusal::Refusal;
use crate::stack;
use crate::table::{Server, Table};

/// Answers one request on the public listener.
pub(crate) async fn answer(door: &Arc<Door>, mut request: Request<Incoming>, peer: SocketAddr) -> Response<Body> {
    // The door does not close over a request that is on its way.
    let _on_its_way = door.tasks.token();
    let mut response = answer_one(door, &mut request, peer).await;
    body_limit::hear_out(&mut request, response.headers_mut()).await;
    response
}

async fn answer_one(door: &Arc<Door>, request: &mut Request<Incoming>, peer: SocketAddr) -> Response<Body> {
    let table = door.table.load_full();
    let path = request.uri().path();
    if path == "/health" || path == "/ready" {
        return get_only(request.method(), || if path == "/health" { alive() } else { door.readiness(&table).response() });
    }
    let annex = door.annex.as_ref().filter(|annex| annex.serves(path));
    let route = if annex.is_some() { Route::Annex } else { route(&table, path) };
    // The metadata is public, so any page may read it; what the door answers to by name holds for it as well.
    let allowed = match route {
        // Clients in browsers call the annex from pages of their own; it looks at the origin itself, where it goes by a cookie.
        Route::Metadata(_) | Route::Annex => table.host_guard.check_host(request.uri(), request.headers()),
        _ => table.host_guard.check(request.uri(), request.headers()),
    };
    if let Err(refusal) = allowed {
        door.metrics.refused_at_the_gate(&refusal);
        return rescue::rescue(&refusal, None, None);
    }
    let origin = request.headers().get(ORIGIN).cloned();
    let address = caller_address(&table.config.listen.trusted_proxies, request.headers(), peer.ip());
    if let Some(annex) = annex {
        return annex::answer(door, &table, annex, request, address).await;
    }
    let mut response = match route {
        Route::Metadata(server) => return metadata(request, server),
        Route::Health(server) => get_only(request.method(), || health(server)),
        Route::Mcp(_) if request.method() == Method::OPTIONS => preflight(request.headers()),
        Route::Mcp(server) => stack::answer(door, &table, &Arc::clone(server), request, address).await,
        Route::Connections(rest) => {
            let rest = rest.to_owned();
            return connect::answer(door, &table, request, &rest, address).await;
        }
        Route::Annex => rescue::rescue(&Refusal::NoSuchPath, None, None),
        Route::Unknown(refusal) => {
            let response = rescue::rescue(&refusal, None, None);
            if matches!(refusal, Refusal::UnknownServer) {
                door.record_stray(&refusal, response.status(), address);
            }
            response
        }
    };
    if let Some(origin) = origin {
        allow_origin(response.headers_mut(), origin);
    }
    response
}

enum Route<'a> {
    Metadata(&'a Arc<Server>),
    Health(&'a Arc<Server>),
    Mcp(&'a Arc<Server>),
    /// The pages for people, with the path below theirs.
    Connections(&'a str),
    /// What else answers here.
    Annex,
    Unknown(Refusal),
}

/// Behind a public URL with a path, a proxy may pass that path on or take it off; both are understood.
fn route<'a>(table: &'a Table, path: &'a str) -> Route<'a> {
    if let Some(resource_path) = path.strip_prefix(METADATA_PATH) {
        // The root form speaks for the server that is at the root, or for the one server there is; with several, only the path-inserted form is
        // unambiguous (RFC 9728 §3.1).
        let server = match below(resource_path, &table.public_path) {
            "" | "/" if table.root().is_some() => table.root(),
            "" | "/" if table.servers.len() == 1 => table.servers.values().next(),
            "/mcp" => table.merged.as_ref(),
            inserted => inserted.strip_prefix("/mcp/").and_then(|name| named(table, name)),
        };
        return server.map_or(Route::Unknown(Refusal::NoSuchPath), Route::Metadata);
    }
    if let Some(rest) = below(path, &table.public_path).strip_prefix(connect::PATH).filter(|rest| rest.is_empty() || rest.starts_with('/'))
    {
        return Route::Connections(rest);
    }
    if let "" | "/" = below(path, &table.public_path) {
        return table.root().map_or(Route::Unknown(Refusal::NoSuchPath), Route::Mcp);
    }
    if below(path, &table.public_path) == "/mcp" {
        return table.merged.as_ref().map_or(Route::Unknown(Refusal::NoSuchPath), Route::Mcp);
    }
    let Some(rest) = below(path, &table.public_path).strip_prefix("/mcp/") else { return Route::Unknown(Refusal::NoSuchPath) };
    match rest.split_once('/') {
        None => named(table, rest).map_or(Route::Unknown(Refusal::UnknownServer), Route::Mcp),
        Some((name, "health")) => table.server(name).map_or(Route::Unknown(Refusal::UnknownServer), Route::Health),
        Some(_) => Route::Unknown(Refusal::NoSuchPath),
    }
}

/// The server at `/mcp/<name>`, if that is where it is.
fn named<'a>(table: &'a Table, name: &str) -> Option<&'a Arc<Server>> {
    table.server(name).filter(|server| server.mount == Mount::Name)
}

/// The path below the public URL's own, where it is below it; nothing for that URL itself.
fn below<'p>(path: &'p str, public_path: &str) -> &'p str {
    path.strip_prefix(public_path).filter(|rest| rest.is_empty() || rest.starts_with('/')).unwrap_or(path)
}

/// Public by design: any page may read it (RFC 9728 §3).
fn metadata(request: &Request<Incoming>, server: &Arc<Server>) -> Response<Body> {
    let mut response = match *request.method() {
        Method::GET => json(StatusCode::OK, server.metadata.clone()),
        Method::HEAD => json(StatusCode::OK, Bytes::new()),
        Method::OPTIONS => preflight(request.headers()),
        _ => return rescue::rescue(&Refusal::MethodNotAllowed { allow: "GET, HEAD, OPTIONS" }, None, None),
    };
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}

fn alive() -> Response<Body> {
    json(StatusCode::OK, Bytes::from_static(br#"{"status":"alive"}"#))
}

fn health(server: &Server) -> Response<Body> {
    let (status, word) = match server.back.trouble() {
        None => (StatusCode::OK, "ok"),
        Some(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    json(status, format!(r#"{{"server":"{}","status":"{word}"}}"#, server.name).into())
}

fn get_only(method: &Method, answer: impl FnOnce() -> Response<Body>) -> Response<Body> {
    match *method {
        Method::GET => answer(),
        Method::HEAD => {
            let mut response = answer();
            *response.body_mut() = Body::empty();
            response
        }
        _ => rescue::rescue(&Refusal::MethodNotAllowed { allow: "GET, HEAD" }, None, None),
    }
}

/// A JSON answer of the door's own.
pub(crate) fn json(status: StatusCode, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::full(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Preflights carry no token and need none. Beside the known headers, the `Mcp-Param-*` ones that are asked for are allowed.
fn preflight(asked: &HeaderMap) -> Response<Body> {
    let is_parameter = |name: &&str| name.get(..PARAM_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PARAM_PREFIX));
    let parameters = asked
        .get_all(ACCESS_CONTROL_REQUEST_HEADERS)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(is_parameter);
    let allowed = std::iter::once(REQUEST_HEADERS).chain(parameters).collect::<Vec<_>>().join(", ");
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, DELETE, OPTIONS"));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::try_from(allowed).unwrap_or(HeaderValue::from_static(REQUEST_HEADERS)));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}

/// The origin has passed the host guard.
fn allow_origin(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("WWW-Authenticate, Mcp-Session-Id, MCP-Protocol-Version, Retry-After"),
    );
    headers.append(VARY, HeaderValue::from_static("Origin"));
}

/// Who is at the other end: the peer, or the nearest address that no trusted proxy vouches for.
fn caller_address(trusted_proxies: &[IpNet], headers: &HeaderMap, peer: IpAddr) -> IpAddr {
    let trusted = |address: &IpAddr| trusted_proxies.iter().any(|network| network.contains(&address.to_canonical()));
    if !trusted(&peer) {
        return peer.to_canonical();
    }
    let forwarded: Vec<&str> =
        headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).collect();
    let mut nearest = peer;
    for hop in forwarded.iter().rev() {
        let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
        nearest = address;
        if !trusted(&address) {
            break;
        }
    }
    nearest.to_canonical()
}

const METADATA_PATH: &str = "/.well-known/oauth-protected-resource";
const REQUEST_HEADERS: &str =
    "Authorization, Content-Type, Accept, MCP-Protocol-Version, Mcp-Session-Id, Last-Event-ID, Mcp-Method, Mcp-Name, DPoP, Traceparent";

#[cfg(test)]
mod tests {
    use super::caller_address;
    use http::{HeaderMap, HeaderValue};

    fn address(peer: &str, forwarded: &[&'static str]) -> String {
        let proxies = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_static(value));
        }
        caller_address(&proxies, &headers, peer.parse().unwrap()).to_string()
    }

    #[test]
    fn a_stranger_cannot_forge_an_address() {
        assert_eq!(address("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
    }

    #[test]
    fn the_nearest_address_that_no_proxy_vouches_for_is_the_callers() {
        assert_eq!(address("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(address("10.0.0.1", &["198.51.100.66, 198.51.100.1, 10.2.3.4"]), "198.51.100.1");
        assert_eq!(address("10.0.0.1", &["198.51.100.66", "198.51.100.1"]), "198.51.100.1");
        assert_eq!(address("::ffff:10.0.0.1", &["2001:db8::1"]), "2001:db8::1");
    }

    #[test]
    fn garbage_in_the_header_ends_the_walk() {
        assert_eq!(address("10.0.0.1", &["198.51.100.1, unknown"]), "10.0.0.1");
        assert_eq!(address("10.0.0.1", &[]), "10.0.0.1");
    }
}
