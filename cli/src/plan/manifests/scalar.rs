//! Plain scalars as kubectl resolves them: YAML 1.1 as in the Go package go.yaml.in/yaml/v2 (`resolve.go`).

use serde_json::{Number, Value};

/// The value of a scalar without quotes and tag. Infinities and NaN have none in JSON.
pub(super) fn resolve(text: &str) -> Result<Value, String> {
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => true.into(),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => false.into(),
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf"
        | "-.Inf" | "-.INF" => return Err(format!("{text} is no value of JSON")),
        _ => number(text)?.map_or_else(|| Value::String(text.to_owned()), Value::Number),
    })
}

/// The number that a text is, if it is one.
pub(super) fn number(text: &str) -> Result<Option<Number>, String> {
    let plain = text.replace('_', "");
    let number = match text.as_bytes() {
        [b'0'..=b'9' | b'+' | b'-', ..] => integer(&plain).map(Ok).or_else(|| decimal(&plain)),
        [b'.', ..] => decimal(text),
        _ => None,
    };
    number.transpose()
}

/// Go's `strconv.ParseInt` with base 0: a leading zero makes it octal.
fn integer(text: &str) -> Option<Number> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (digits, radix) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&digits[2..], 16),
        [b'0', b'o' | b'O', ..] => (&digits[2..], 8),
        [b'0', b'b' | b'B', ..] => (&digits[2..], 2),
        [b'0', _, ..] => (&digits[1..], 8),
        _ => (digits, 10),
    };
    if !digits.starts_with(|digit: char| digit.is_digit(radix)) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        0_i64.checked_sub_unsigned(magnitude).map(Number::from)
    } else {
        Some(magnitude.into())
    }
}

/// A number with a fraction or an exponent, `080` included, which is no octal one. A whole one becomes an integer, as Go writes it in
/// JSON.
fn decimal(text: &str) -> Option<Result<Number, String>> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mantissa = unsigned.split(['e', 'E']).next().unwrap_or_default();
    let is_digit = |byte: u8| byte.is_ascii_digit();
    let plain = mantissa.bytes().any(is_digit)
        && unsigned
            .bytes()
            .all(|byte| is_digit(byte) || b".eE+-".contains(&byte));
    let value: f64 = if plain { text.parse().ok()? } else { return None };
    if !value.is_finite() {
        return Some(Err(format!("{text} is out of range")));
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and fits")]
    let whole = (value.fract() == 0.0 && value.abs() < 9.0e18).then(|| Number::from(value as i64));
    whole.or_else(|| Number::from_f64(value)).map(Ok)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case("yes", json!(true))]
    #[case("Off", json!(false))]
    #[case("n", json!(false))]
    #[case("yEs", json!("yEs"))]
    #[case("~", json!(null))]
    #[case("80", json!(80))]
    #[case("+80", json!(80))]
    #[case("-80", json!(-80))]
    #[case("0120", json!(80))]
    #[case("0o120", json!(80))]
    #[case("080", json!(80))]
    #[case("0x50", json!(80))]
    #[case("0b1010000", json!(80))]
    #[case("8_0", json!(80))]
    #[case("80.0", json!(80))]
    #[case("8e1", json!(80))]
    #[case(".5", json!(0.5))]
    #[case("1.5", json!(1.5))]
    #[case("99999999999999999999", json!(1e20))]
    #[case("1:20", json!("1:20"))]
    #[case("192.0.2.1", json!("192.0.2.1"))]
    #[case("2026-01-01", json!("2026-01-01"))]
    #[case("1e", json!("1e"))]
    #[case("-", json!("-"))]
    #[case(".", json!("."))]
    #[case("<<", json!("<<"))]
    fn plain_scalars_are_those_of_kubectl(#[case] text: &str, #[case] value: Value) {
        assert_eq!(resolve(text), Ok(value));
    }
}
