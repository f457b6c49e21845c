/** `14:03:59`, in the time zone of this machine: what lines of a log begin with. */
export function timeOfDay(): string {
  return new Date().toTimeString().slice(0, 8);
}
