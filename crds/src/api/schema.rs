//! Hand-written parts of the schemas: what derives cannot say.

use k8s_openapi::api::core::v1::SecretReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use crate::domain::rule;

/// Longest entry a user can mean: two full IPv6 addresses, a dash and a space on either side.
const LONGEST_ADDRESS_ENTRY: u32 = 81;
/// More entries than this are a mistake, and the API server bounds the cost of CEL rules by it.
const MOST_ADDRESS_ENTRIES: u32 = 1024;

/// `addresses` of a pool: 1 to 1024 entries, each a CIDR or an inclusive range.
pub(super) fn addresses(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "description": "The addresses of the pool: CIDR prefixes (\"192.0.2.0/28\", host bits are ignored) or inclusive ranges (\"192.0.2.10-192.0.2.20\"). IPv4 and IPv6 may be mixed, but not within one range.",
        "type": "array",
        "minItems": 1,
        "maxItems": MOST_ADDRESS_ENTRIES,
        "items": {
            "type": "string",
            "maxLength": LONGEST_ADDRESS_ENTRY,
            "x-kubernetes-validations": address_rules(),
        }
    })
}

/// `conditions`: merged by type, so that each writer owns its own. The limits are those of `metav1.Condition`.
pub(super) fn conditions(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = generator.subschema_for::<Vec<Condition>>();
    for (field, limit, value) in [
        ("message", "maxLength", json!(32768)),
        ("observedGeneration", "minimum", json!(0)),
        ("reason", "minLength", json!(1)),
        ("reason", "maxLength", json!(1024)),
        (
            "reason",
            "pattern",
            json!("^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"),
        ),
        ("status", "enum", json!(["True", "False", "Unknown"])),
        ("type", "maxLength", json!(316)),
    ] {
        if let Some(field) = schema.pointer_mut(&format!("/items/properties/{field}")) {
            field[limit] = value;
        }
    }
    schema.insert("x-kubernetes-list-type".to_owned(), json!("map"));
    schema.insert("x-kubernetes-list-map-keys".to_owned(), json!(["type"]));
    schema
}

/// The rules of `AddressRange`'s parser. Left to the controller: the order of IPv6 ends, and a range or a prefix of
/// which only the middle cannot be used.
fn address_rules() -> Value {
    let is_range = "self.indexOf('-') >= 0";
    let start = "self.substring(0, self.indexOf('-')).trim()";
    let end = "self.substring(self.indexOf('-') + 1).trim()";
    let both_parse = format!("isIP({start}) && isIP({end})");
    let same_family = format!("ip({start}).family() == ip({end}).family()");
    let both_ipv4 = format!("ip({start}).family() == 4 && ip({end}).family() == 4");
    let ordered = format!("{} <= {}", ipv4_number(start), ipv4_number(end));
    let usable_ends = format!(
        "{} && {}",
        usable(&format!("ip({start})")),
        usable(&format!("ip({end})"))
    );
    // Two prefixes overlap if one holds the beginning of the other.
    let begins = [
        "127.0.0.0",
        "169.254.0.0",
        "224.0.0.0",
        "255.255.255.255",
        "::1",
        "ff00::",
    ];
    let holds = begins.map(|begin| format!("cidr(self).containsIP('{begin}')"));
    let usable_prefix = format!(
        "{} && !({})",
        usable("cidr(self).masked().ip()"),
        holds.join(" || ")
    );
    json!([
        {
            "rule": format!("{is_range} ? ({both_parse}) : isCIDR(self)"),
            "message": rule::READABLE,
        },
        {
            "rule": format!("!({is_range}) || !({both_parse}) || {same_family}"),
            "message": rule::ONE_FAMILY,
        },
        {
            "rule": format!("!({is_range}) || !({both_parse}) || !({both_ipv4}) || {ordered}"),
            "message": rule::ORDERED,
        },
        {
            "rule": format!("{is_range} ? !({both_parse}) || ({usable_ends}) : !isCIDR(self) || ({usable_prefix})"),
            "message": rule::USABLE,
        },
    ])
}

/// CEL for whether a load balancer may have this address: any unicast address but IPv4's link-local ones.
fn usable(address: &str) -> String {
    format!("({address}.isGlobalUnicast() || ({address}.family() == 6 && {address}.isLinkLocalUnicast()))")
}

/// CEL for the 32-bit number of the dotted quad that the expression `text` gives. Cut with `substring` and
/// `indexOf`: the API server estimates the cost of `split` as if every string were one of single characters
/// and refuses the definition. The expression is repeated and not bound by a list macro, because the API
/// server knows no bound for the length of a string taken from a list.
fn ipv4_number(text: &str) -> String {
    let dot1 = format!("{text}.indexOf('.')");
    let dot2 = format!("{text}.indexOf('.', {dot1} + 1)");
    let dot3 = format!("{text}.lastIndexOf('.')");
    format!(
        "(int({text}.substring(0, {dot1})) * 16777216 + int({text}.substring({dot1} + 1, {dot2})) * 65536 \
         + int({text}.substring({dot2} + 1, {dot3})) * 256 + int({text}.substring({dot3} + 1)))"
    )
}

/// A `metav1.LabelSelector`, which the API server merges as one value (`map-type: atomic`).
pub(super) fn selector(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = LabelSelector::json_schema(generator);
    schema.insert("x-kubernetes-map-type".to_owned(), json!("atomic"));
    schema
}

/// A list of selectors: an object is selected when any of them matches.
pub(super) fn selectors(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": selector(generator) })
}

/// An AS number, of two or four octets (RFC 6793).
pub(super) fn as_number(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "format": "int64", "minimum": 0, "maximum": u32::MAX })
}

/// `dynamicASN` of a peer.
pub(super) fn dynamic_asn(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": ["internal", "external"] })
}

/// `peerPort`: the limit is that of FRR, which MetalLB took over.
pub(super) fn peer_port(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 0, "maximum": 16384 })
}

/// Times of a BFD profile, in milliseconds.
pub(super) fn bfd_interval(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "format": "int32", "minimum": 10, "maximum": 60000 })
}

/// `detectMultiplier`.
pub(super) fn bfd_multiplier(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "format": "int32", "minimum": 2, "maximum": 255 })
}

/// `minimumTtl`: a TTL of 255 would leave nothing but the own segment.
pub(super) fn bfd_minimum_ttl(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "format": "int32", "minimum": 1, "maximum": 254 })
}

/// `connectTime`: whole seconds, as many as a timer of BGP may have.
pub(super) fn connect_time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "x-kubernetes-validations": [
            {
                "rule": "duration(self).getSeconds() >= 1 && duration(self).getSeconds() <= 65535",
                "message": "connect time should be between 1 seconds to 65535",
            },
            {
                "rule": "duration(self).getMilliseconds() % 1000 == 0",
                "message": "connect time should contain a whole number of seconds",
            },
        ],
    })
}

/// `localPref` of an advertisement.
pub(super) fn local_pref(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "format": "int64", "minimum": 0, "maximum": u32::MAX })
}

/// A Service that is selected is told of by its address: an aggregate would tell of its neighbours too.
pub(super) fn aggregated_or_selected() -> Value {
    json!([{
        "rule": "!has(self.serviceSelectors) || size(self.serviceSelectors) == 0 || \
                 ((!has(self.aggregationLength) || self.aggregationLength == 32) && \
                 (!has(self.aggregationLengthV6) || self.aggregationLengthV6 == 128))",
        "message": "serviceSelectors cannot be combined with an aggregationLength below 32 or an aggregationLengthV6 below 128",
    }])
}

/// A reference to a Secret, which the API server merges as one value.
pub(super) fn secret_reference(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = SecretReference::json_schema(generator);
    schema.insert("x-kubernetes-map-type".to_owned(), json!("atomic"));
    schema
}

/// A status field that never changes once it is set, as in MetalLB.
pub(super) fn immutable_string(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "x-kubernetes-validations": [{ "rule": "self == oldSelf", "message": "Value is immutable" }],
    })
}
