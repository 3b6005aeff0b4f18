// What an assertion that fails ends in, in the builds that have assertions (asconfig.json).

export function abort(_message: usize, _file: usize, _line: u32, _column: u32): void {
  unreachable();
}
