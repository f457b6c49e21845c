import type { DestinationFixture } from '../destination-fixture.ts';
import { DestinationScene } from './destination-scene.ts';

/** One promise of a destination; `run` rejects when the destination of the fixture breaks it. */
export interface DestinationCheck {
  readonly name: string;
  /** Whether the destination has the capability that the promise is about. */
  applies(fixture: DestinationFixture): boolean;
  run(fixture: DestinationFixture): Promise<void>;
}

export function destinationCheck(
  name: string,
  work: (scene: DestinationScene) => Promise<void>,
  applies: DestinationCheck['applies'] = () => true,
): DestinationCheck {
  return { name, applies, run: (fixture) => work(new DestinationScene(fixture)) };
}
