/** For suites whose tests each go on where the one before has ended: after a failure the rest is skipped. */
export function inOrder(): void {
  let isBroken = false;
  beforeEach(function () {
    if (isBroken) this.skip();
  });
  afterEach(function () {
    isBroken ||= this.currentTest?.state === 'failed';
  });
}
