//! The API described for machines: an OpenAPI document made of the table of resources, so that it names what is
//! there and nothing else.

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::call::Call;
use super::route::Run::Plain;
use super::route::{Method, Needs, Route};
use super::{routes, schemas};

pub(super) const ROUTES: &[Route] =
    &[Route::get("/openapi.json", Needs::Nothing, "This document", Plain(openapi))];

fn openapi(call: &Call) -> Answer {
    Answer::object(document(&call.management.settings.path_prefix))
}

/// The document for an API behind this prefix.
fn document(prefix: &str) -> Value {
    let mut paths = Map::new();
    for route in routes::all() {
        let path = paths.entry(shown(route.path)).or_insert_with(|| json!({}));
        if let Value::Object(path) = path {
            path.insert(route.method.as_str().to_lowercase(), operation(route));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "HareMQ management API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "RabbitMQ's management HTTP API, as HareMQ answers it.",
        },
        "servers": [{ "url": format!("{prefix}/api") }],
        "paths": paths,
        "components": {
            "securitySchemes": { "basic": { "type": "http", "scheme": "basic" } },
            "schemas": { schemas::VALUE: schemas::shared() },
        },
    })
}

/// A path as the document names it: each begins with a slash, and the last one of a request means nothing.
fn shown(path: &str) -> &str {
    if path.is_empty() { "/" } else { path }
}

fn operation(route: &Route) -> Value {
    let parameter = |name: &str| json!({ "name": name, "in": "path", "required": true, "schema": schemas::of_parameter(route.path, name) });
    let parameters: Vec<Value> = segments(route.path).map(parameter).collect();
    let mut responses = json!({ "default": { "description": "Refused: error and reason" } });
    for (status, description) in good_answers(route.method) {
        responses[*status] = json!({ "description": description });
    }
    let mut operation = json!({
        "summary": route.summary,
        "description": needed(route.needs),
        "parameters": parameters,
        "responses": responses,
        "security": if route.needs == Needs::Nothing { json!([]) } else { json!([{ "basic": [] }]) },
    });
    if route.method.has_body() {
        operation["requestBody"] = json!({
            "required": schemas::is_required(route),
            "content": { "application/json": { "schema": schemas::of(route) } },
        });
    }
    operation
}

fn good_answers(method: Method) -> &'static [(&'static str, &'static str)] {
    match method {
        Method::Get => &[("200", "What was asked for")],
        Method::Put => &[("201", "It was not there before"), ("204", "It was there before")],
        Method::Post => &[("200", "Done, with an answer"), ("201", "Made"), ("204", "Done")],
        Method::Delete => &[("204", "It is gone")],
    }
}

fn needed(needs: Needs) -> &'static str {
    match needs {
        Needs::Nothing => "Needs no login.",
        Needs::Login => "Needs a login.",
        Needs::Management => {
            "Needs any of the tags management, policymaker, monitoring, administrator."
        }
        Needs::Policymaker => "Needs the tag policymaker or administrator.",
        Needs::Monitoring => "Needs the tag monitoring or administrator.",
        Needs::Administrator => "Needs the tag administrator.",
    }
}

/// The names of the parts of a path that change.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_method_of_every_resource_is_described_and_nothing_else() {
        let document = document("");
        let paths = document["paths"].as_object().expect("paths");
        let described: BTreeSet<String> = paths
            .iter()
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().expect("methods");
                methods.keys().map(move |method| format!("{} {path}", method.to_uppercase()))
            })
            .collect();
        let routed: Vec<String> = routes::all()
            .map(|route| format!("{} {}", route.method.as_str(), shown(route.path)))
            .collect();
        assert_eq!(described.len(), routed.len(), "no method of a path stands in the table twice");
        assert_eq!(described, routed.into_iter().collect());
        assert!(paths.keys().all(|path| path.starts_with('/')), "as OpenAPI wants it");
    }

    #[test]
    fn the_page_about_the_api_lists_every_method_of_every_resource() {
        let page = include_str!("../../docs/http-api.md");
        let listed: BTreeSet<&str> =
            page.lines().filter(|line| line.contains("| /")).filter_map(of_row).collect();
        let rows: Vec<String> = routes::all().map(row).collect();
        let missing: Vec<&String> = rows.iter().filter(|row| !page.contains(*row)).collect();
        assert!(missing.is_empty(), "docs/http-api.md lacks {missing:#?}");
        assert_eq!(listed.len(), rows.len(), "docs/http-api.md lists what is not there");
    }

    /// The start of a row: method and path.
    fn row(route: &Route) -> String {
        format!("| {} | {} |", route.method.as_str(), shown(route.path))
    }

    fn of_row(line: &str) -> Option<&str> {
        let methods = ["| GET |", "| PUT |", "| POST |", "| DELETE |"];
        methods.iter().any(|method| line.starts_with(method)).then_some(line)
    }

    #[test]
    fn parts_of_a_path_are_its_parameters() {
        let route =
            routes::all().find(|route| route.path == "/vhosts/{vhost}").expect("it is there");
        let operation = operation(route);
        assert_eq!(operation["parameters"][0]["name"], "vhost");
        assert!(!operation["summary"].as_str().expect("text").is_empty());
    }
}
