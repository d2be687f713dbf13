//! Bytes to a document: the top level.

use serde_json::Value;

use super::reader::{Reader, kind};
use super::{DefinitionsError, Document, Fault, Placed, Section};
use crate::base::VhostName;
use crate::base::limits::DEFINITIONS_BYTES_MAX;

/// Keys of the top level that say nothing to an import.
const REMARKS: &[&str] = &[
    "rabbit_version",
    "rabbitmq_version",
    "product_name",
    "product_version",
    "rabbitmq_definition_format",
    "original_cluster_name",
    "original_vhost_name",
    "explanation",
];

/// What a document for one virtual host says about itself. RabbitMQ passes over it too.
const VHOST_REMARKS: &[&str] = &["name", "metadata", "description", "tags", "default_queue_type"];

type ReadOne = fn(&mut Document, &Reader<'_>) -> Result<(), Fault>;

/// A list of the document: its key, what is in it, whether one virtual host has it, and how one is read.
struct List {
    key: &'static str,
    sections: &'static [Section],
    of_vhost: bool,
    read: ReadOne,
}

const LISTS: &[List] = &[
    List { key: "vhosts", sections: &[Section::Vhost], of_vhost: false, read: Document::vhost },
    List { key: "users", sections: &[Section::User], of_vhost: false, read: Document::user },
    List {
        key: "permissions",
        sections: &[Section::Permission],
        of_vhost: false,
        read: Document::permission,
    },
    List {
        key: "topic_permissions",
        sections: &[Section::TopicPermission],
        of_vhost: false,
        read: Document::topic_permission,
    },
    List {
        key: "parameters",
        sections: &[Section::Parameter, Section::OperatorPolicy, Section::VhostLimits],
        of_vhost: true,
        read: Document::parameter,
    },
    List {
        key: "global_parameters",
        sections: &[Section::GlobalParameter],
        of_vhost: false,
        read: Document::global_parameter,
    },
    List { key: "policies", sections: &[Section::Policy], of_vhost: true, read: Document::policy },
    List {
        key: "exchanges",
        sections: &[Section::Exchange],
        of_vhost: true,
        read: Document::exchange,
    },
    List { key: "queues", sections: &[Section::Queue], of_vhost: true, read: Document::queue },
    List {
        key: "bindings",
        sections: &[Section::Binding],
        of_vhost: true,
        read: Document::binding,
    },
];

impl Document {
    /// Reads a document of either form; `vhost` says into which virtual host, when it is for one. Nothing
    /// at all is an empty document, as in RabbitMQ.
    ///
    /// # Errors
    /// [`DefinitionsError`] with the place of the first thing that is wrong.
    pub fn parse(bytes: &[u8], vhost: Option<&VhostName>) -> Result<Self, DefinitionsError> {
        if bytes.len() > DEFINITIONS_BYTES_MAX {
            return Err(DefinitionsError::TooLarge(bytes.len() as u64));
        }
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        if bytes.trim_ascii().is_empty() {
            return Ok(Self { scope: vhost.cloned(), ..Self::default() });
        }
        let value: Value = serde_json::from_slice(bytes)
            .map_err(|error| DefinitionsError::NotJson(error.to_string()))?;
        let Value::Object(_) = &value else {
            let text =
                format!("expected an object with lists such as queues, found {}", kind(&value));
            return Err(DefinitionsError::NotJson(text));
        };
        let top = Reader::new(String::new(), &value)?;
        let mut document = Self { scope: scope(&top, vhost)?, ..Self::default() };
        document.read(&top)?;
        Ok(document)
    }

    fn read(&mut self, top: &Reader<'_>) -> Result<(), Fault> {
        let mut known: Vec<&str> = REMARKS.to_vec();
        known.extend(LISTS.iter().map(|list| list.key));
        if self.scope.is_some() {
            known.extend(VHOST_REMARKS);
            known.push("limits");
        }
        top.warn_of_others(&known, &mut self.warnings);
        for list in LISTS {
            let Some(value) = top.get(list.key) else { continue };
            let Value::Array(items) = value else {
                return Err(top.wrong(list.key, "a list", value));
            };
            if self.scope.is_some() && !list.of_vhost {
                if !items.is_empty() {
                    self.warnings.push(format!(
                        "{}: an import into one virtual host has none of these; they are passed over",
                        list.key
                    ));
                }
                continue;
            }
            self.sections.extend(list.sections);
            for (number, item) in items.iter().enumerate() {
                let reader = Reader::new(format!("{}[{number}]", list.key), item)?;
                (list.read)(self, &reader)?;
            }
        }
        Ok(())
    }

    /// The virtual host of a thing: its own, or the one that the import is for.
    pub(super) fn vhost_of(&self, reader: &Reader<'_>) -> Result<VhostName, Fault> {
        match &self.scope {
            Some(vhost) => Ok(vhost.clone()),
            None => reader.name("vhost"),
        }
    }

    pub(super) fn put(&mut self, reader: &Reader<'_>, change: crate::store::Change) {
        self.others.push(Placed { place: reader.place().to_owned(), value: change });
    }

    pub(super) fn passed_over(&mut self, reader: &Reader<'_>, why: &str) {
        self.warnings.push(format!("{}: {why}; it is passed over", reader.place()));
    }
}

fn scope(
    top: &Reader<'_>,
    vhost: Option<&VhostName>,
) -> Result<Option<VhostName>, DefinitionsError> {
    if vhost.is_some() || top.text("rabbitmq_definition_format")? != Some("single_virtual_host") {
        return Ok(vhost.cloned());
    }
    match top.text("original_vhost_name")? {
        Some(name) => Ok(Some(top.parse_name("original_vhost_name", name)?)),
        None => Err(DefinitionsError::Vhost(
            "the document is for one virtual host and does not say which: name the virtual host \
             that it is imported into"
                .to_owned(),
        )),
    }
}
