// Describes what a demo needs of the video system that it shows.
import type { ClipFile, Clip } from '../../lib/provider';
import type { FlowNode } from '../support/examples';

export interface DemoSystem {
  /** Names it, with its address and a user. */
  title: string;
  /** What the button in the flow stands for. */
  trigger: string;
  flow: FlowNode[];
  credentials: Record<string, { username: string; password: string }>;
  /** So long the first video may take. */
  longestMs: number;
  /** Proves that the file is what the system has recorded, and says how. @throws where it is not */
  prove(clip: Clip, file: ClipFile): Promise<string>;
  close(): Promise<void>;
}
