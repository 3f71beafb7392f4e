mod rate;
mod sequences;
