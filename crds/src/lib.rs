//! Vocabulary of FerroLB: resource types on the wire and validated domain types.
