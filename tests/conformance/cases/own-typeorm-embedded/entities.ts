import { Column, Entity, Index, JoinColumn, ManyToOne, OneToOne, PrimaryGeneratedColumn, Unique } from 'typeorm';

@Entity()
export class Country { @PrimaryGeneratedColumn() id: number; @Column() name: string; }

export class Geo {
  @Column('double precision') lat: number;
  @Column('double precision', { name: 'lng_value' }) lng: number;
}

export class Place {
  @Index() @Column({ nullable: true }) streetName: string;
  @Column(() => Geo) geo: Geo;
  @ManyToOne(() => Country) country: Country;
}

@Unique(['first', 'last'])
export class FullName { @Column() first: string; @Column() last: string; }

class Deep { @Column({ nullable: true, length: 5 }) zipCode: string; @Column({ unique: true }) code: number; }

export class Counters {
  @Column({ default: 0 }) likes: number;
  @Column(() => Deep, { prefix: 'deep' }) inner: Deep;
}

@Entity()
@Index(['home.streetName', 'name.last'])
export class Person {
  @PrimaryGeneratedColumn() id: number;
  @Column(() => FullName) name: FullName;
  @Column(() => Place) home: Place;
  @Column((type) => Place, { prefix: 'office' }) work: Place;
  @Column(() => Counters, { prefix: false }) counters: Counters;
  @Column(() => Geo, { prefix: '' }) geo: Geo;
}
